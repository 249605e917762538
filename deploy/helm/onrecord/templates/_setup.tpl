{{- /*
A job that makes something once: (dict "root" $ "what" name "image" service "args" list "hook" annotations
"c" component whose database it is, or nothing).
*/ -}}
{{- define "onrecord.setupJob" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $named := dict "root" $root "component" "setup" "role" .what -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "onrecord.fullname" $root }}-{{ .what }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
  annotations:
    {{- .hook | nindent 4 }}
    helm.sh/hook-weight: "-10"
spec:
  backoffLimit: {{ $values.setup.backoffLimit }}
  activeDeadlineSeconds: {{ $values.setup.deadlineSeconds }}
  template:
    metadata:
      labels:
        {{- include "onrecord.labels" $named | nindent 8 }}
    spec:
      {{- include "onrecord.podStart" (dict "root" $root "account" (printf "%s-setup" (include "onrecord.fullname" $root))) | nindent 6 }}
      restartPolicy: Never
      containers:
        - name: {{ .what }}
          image: {{ include "onrecord.image" (list $root .image) }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          securityContext:
            {{- include "onrecord.containerSecurity" . | nindent 12 }}
          args:
            {{- toYaml .args | nindent 12 }}
          env:
            - {name: HOME, value: /tmp}
            {{- if .c }}
            {{- include "onrecord.variables" . | nindent 12 }}
            # The role that owns the database, where it is not the one the service connects as.
            - name: ONRECORD_MIGRATE_URL
              valueFrom:
                secretKeyRef: {name: {{ include "onrecord.database" . }}, key: owner-url, optional: true}
            {{- else if eq .what "topics" }}
            {{- if $values.bus.user }}
            {{- include "onrecord.secretVariable" (list "ONRECORD_BUS_PASSWORD" (include "onrecord.named" (list $root $values.bus.secret "bus")) "password") | nindent 12 }}
            {{- end }}
            {{- else }}
            - {name: ONRECORD_OBJECTS_ENDPOINT, value: {{ $values.objects.endpoint | quote }}}
            - {name: ONRECORD_OBJECTS_REGION, value: {{ $values.objects.region | quote }}}
            {{- $secret := include "onrecord.named" (list $root $values.objects.secret "objects") }}
            {{- include "onrecord.secretVariable" (list "ONRECORD_OBJECTS_ACCESS_KEY" $secret "access-key") | nindent 12 }}
            {{- include "onrecord.secretVariable" (list "ONRECORD_OBJECTS_SECRET_KEY" $secret "secret-key") | nindent 12 }}
            {{- end }}
          resources:
            {{- toYaml $values.setup.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- if .c }}
            - {name: settings, mountPath: /etc/onrecord/settings, readOnly: true}
            {{- end }}
            {{- if and $values.bus.tls (eq .what "topics") }}
            - {name: bus, mountPath: /etc/onrecord/bus, readOnly: true}
            {{- end }}
      volumes:
        - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
        {{- if .c }}
        - name: settings
          configMap: {name: {{ include "onrecord.fullname" $root }}-setup, defaultMode: 0440}
        {{- end }}
        {{- if and $values.bus.tls (eq .what "topics") }}
        - name: bus
          secret: {secretName: {{ include "onrecord.named" (list $root $values.bus.secret "bus") }}, defaultMode: 0440}
        {{- end }}
{{- end -}}
