{{- /* What Pod Security `restricted` asks for, and more: one account, nothing writable. */ -}}
{{- define "onrecord.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "onrecord.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
privileged: false
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- /* The start of every pod: who it is and what it may. (dict "root" $ "account" name) */ -}}
{{- define "onrecord.podStart" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "onrecord.podSecurity" . | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* A variable out of a Secret: (list variable secret key). */ -}}
{{- define "onrecord.secretVariable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 }}}
{{- end -}}

{{- /* A service's variables: its secrets, by reference. (dict "root" $ "c" component) */ -}}
{{- define "onrecord.variables" -}}
{{- $values := .root.Values -}}
{{- $c := .c -}}
{{- $prefix := printf "ONRECORD_%s" ($c.service | upper | replace "-" "_") -}}
- {name: ONRECORD_CONFIG, value: /etc/onrecord/settings/settings.toml}
{{- if has $c.service (list "gateway" "audit") }}
{{ include "onrecord.secretVariable" (list (printf "%s_DATABASE_URL" $prefix) (include "onrecord.database" .) "url") }}
{{- end }}
{{- if eq $c.service "vector-search" }}
{{ include "onrecord.secretVariable" (list (printf "%s_ROSTER_URL" $prefix) (include "onrecord.database" .) "url") }}
{{- with $c.v.milvusSecret }}
{{ include "onrecord.secretVariable" (list (printf "%s_MILVUS_TOKEN" $prefix) . "token") }}
{{- end }}
{{- end }}
{{- if $values.bus.user }}
{{ include "onrecord.secretVariable" (list (printf "%s_BUS_PASSWORD" $prefix) (include "onrecord.named" (list .root $values.bus.secret "bus")) "password") }}
{{- end }}
{{- if and (ne $c.service "embedding") (not $values.objects.platformCredentials) }}
{{- $secret := include "onrecord.named" (list .root $values.objects.secret "objects") }}
{{ include "onrecord.secretVariable" (list (printf "%s_OBJECTS_ACCESS_KEY" $prefix) $secret "access-key") }}
{{ include "onrecord.secretVariable" (list (printf "%s_OBJECTS_SECRET_KEY" $prefix) $secret "secret-key") }}
{{- end }}
{{- end -}}

{{- define "onrecord.database" -}}
{{- include "onrecord.named" (list .root .c.v.databaseSecret (printf "database-%s" .c.id)) -}}
{{- end -}}

{{- define "onrecord.account" -}}
{{- printf "%s-%s" (include "onrecord.fullname" .root) .c.id -}}
{{- end -}}

{{- /* What a service finds in its file system: (dict "root" $ "c" component). */ -}}
{{- define "onrecord.mounts" -}}
{{- $values := .root.Values -}}
{{- $c := .c -}}
- {name: tmp, mountPath: /tmp}
- {name: settings, mountPath: /etc/onrecord/settings, readOnly: true}
- {name: certificate, mountPath: /etc/onrecord/certificate, readOnly: true}
{{- if $values.bus.tls }}
- {name: bus, mountPath: /etc/onrecord/bus, readOnly: true}
{{- end }}
{{- if and $values.identity.rootsConfigMap (has $c.service (list "gateway" "vector-search" "audit")) }}
- {name: identity, mountPath: /etc/onrecord/identity, readOnly: true}
{{- end }}
{{- if has $c.service (list "detection" "embedding" "vector-search") }}
- {name: ledger, mountPath: /etc/onrecord/ledger, readOnly: true}
{{- end }}
{{- if has $c.service (list "gateway" "detection" "embedding") }}
- {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- if and $values.inference.tlsSecret (has $c.service (list "detection" "embedding")) }}
- {name: inference, mountPath: /etc/onrecord/inference, readOnly: true}
{{- end }}
{{- if eq $c.service "gateway" }}
- {name: casework, mountPath: /etc/onrecord/casework, readOnly: true}
{{- end }}
{{- if eq $c.service "audit" }}
- {name: signing, mountPath: /etc/onrecord/signing, readOnly: true}
{{- end }}
{{- if eq $c.service "vector-search" }}
- {name: keys, mountPath: /var/lib/onrecord/keys}
{{- end }}
{{- end -}}

{{- define "onrecord.volumes" -}}
{{- $values := .root.Values -}}
{{- $c := .c -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
- name: settings
  configMap: {name: {{ include "onrecord.account" . }}, defaultMode: 0440}
- name: certificate
  secret:
    secretName: {{ include "onrecord.named" (list .root $c.v.certificateSecret (printf "%s-tls" $c.id)) }}
    defaultMode: 0440
{{- if $values.bus.tls }}
- name: bus
  secret:
    secretName: {{ include "onrecord.named" (list .root $values.bus.secret "bus") }}
    defaultMode: 0440
{{- end }}
{{- if and $values.identity.rootsConfigMap (has $c.service (list "gateway" "vector-search" "audit")) }}
- name: identity
  configMap: {name: {{ $values.identity.rootsConfigMap }}, defaultMode: 0440}
{{- end }}
{{- if has $c.service (list "detection" "embedding" "vector-search") }}
- name: ledger
  configMap: {name: {{ include "onrecord.named" (list .root $values.ledger.verifierKeyConfigMap "ledger-verifier-key") }}, defaultMode: 0440}
{{- end }}
{{- if has $c.service (list "gateway" "detection" "embedding") }}
{{ include "onrecord.modelsVolume" .root }}
{{- end }}
{{- if and $values.inference.tlsSecret (has $c.service (list "detection" "embedding")) }}
- name: inference
  secret: {secretName: {{ $values.inference.tlsSecret }}, defaultMode: 0440}
{{- end }}
{{- if eq $c.service "gateway" }}
- name: casework
  secret: {secretName: {{ include "onrecord.named" (list .root $values.casework.keySecret "casework-key") }}, defaultMode: 0440}
{{- end }}
{{- if eq $c.service "audit" }}
- name: signing
  secret: {secretName: {{ include "onrecord.named" (list .root $values.ledger.signingKeySecret "ledger-signing-key") }}, defaultMode: 0440}
{{- end }}
{{- if eq $c.service "vector-search" }}
- name: keys
  persistentVolumeClaim: {claimName: {{ include "onrecord.named" (list .root $c.v.keys.claim (printf "%s-keys" $c.id)) }}}
{{- end }}
{{- end -}}

{{- define "onrecord.modelsVolume" -}}
- name: models
  {{- if .Values.models.claim }}
  persistentVolumeClaim: {claimName: {{ .Values.models.claim }}, readOnly: true}
  {{- else }}
  emptyDir: {sizeLimit: {{ .Values.models.size }}}
  {{- end }}
{{- end -}}

{{- /*
The step before a pod that has models: they are there, and each is the one of its card, by SHA-256.
(dict "root" $ "image" service "cards" bool)
*/ -}}
{{- define "onrecord.modelsStep" -}}
{{- $values := .root.Values -}}
- name: models
  image: {{ include "onrecord.image" (list .root .image) }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  securityContext:
    {{- include "onrecord.containerSecurity" . | nindent 4 }}
  {{- if $values.models.claim }}
  args: [models, check, --repository, /models{{ if .cards }}, --cards{{ end }}]
  {{- else }}
  args: [models, fetch, {{ $values.models.objects | quote }}, --repository, /models{{ if .cards }}, --cards{{ end }}]
  env:
    - {name: ONRECORD_OBJECTS_ENDPOINT, value: {{ $values.objects.endpoint | quote }}}
    - {name: ONRECORD_OBJECTS_REGION, value: {{ $values.objects.region | quote }}}
    {{- if not $values.objects.platformCredentials }}
    {{- $secret := include "onrecord.named" (list .root $values.objects.secret "objects") }}
    {{- include "onrecord.secretVariable" (list "ONRECORD_OBJECTS_ACCESS_KEY" $secret "access-key") | nindent 4 }}
    {{- include "onrecord.secretVariable" (list "ONRECORD_OBJECTS_SECRET_KEY" $secret "secret-key") | nindent 4 }}
    {{- end }}
  {{- end }}
  resources:
    {{- toYaml $values.setup.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: models, mountPath: /models{{ if $values.models.claim }}, readOnly: true{{ end }}}
{{- end -}}

{{- /* Over zones and nodes: (dict "spread" values "selector" labels). */ -}}
{{- define "onrecord.spread" -}}
{{- $selector := .selector -}}
{{- range $key, $how := dict "topology.kubernetes.io/zone" .spread.zones "kubernetes.io/hostname" .spread.hosts }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: {{ $how }}
  labelSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}
