{{- /*
Network policies, all made from files/arrows.yaml: a pod opens connections along its own arrows and
takes them along those that end at it, each at one port, and nothing else.
*/ -}}

{{- /* The port at which each of ours is called, and at which it tells its metrics. */ -}}
{{- define "onrecord.ports" -}}
gateway: {call: 8420, metrics: 8081}
audit: {call: 8443, metrics: 8081}
detection: {call: 8443, metrics: 8081}
embedding: {call: 8443, metrics: 8081}
vector-search: {call: 8443, metrics: 8081}
triton: {call: 8001, metrics: 8002}
{{- end -}}

{{- /* Those that run in this release, by component: as JSON. */ -}}
{{- define "onrecord.here" -}}
{{- $here := list -}}
{{- range include "onrecord.components" . | fromYamlArray -}}
{{- $here = append $here .service -}}
{{- end -}}
{{- if .Values.triton.enabled -}}{{- $here = append $here "triton" -}}{{- end -}}
{{- $here | uniq | toJson -}}
{{- end -}}

{{- define "onrecord.ours" -}}
podSelector:
  matchLabels:
    {{- include "onrecord.selector" (dict "root" .root "component" .component) | nindent 4 }}
{{- end -}}

{{- /* Ports, as a rule has them: (list numbers protocols). */ -}}
{{- define "onrecord.rulePorts" -}}
{{- $protocols := index . 1 -}}
{{- range $port := index . 0 | uniq }}
{{- range $protocol := $protocols }}
- {protocol: {{ $protocol }}, port: {{ int $port }}}
{{- end }}
{{- end }}
{{- end -}}

{{- /*
The ports of what is outside: those that are told, or that its address says.
(dict "root" $ "whom" name "c" component)
*/ -}}
{{- define "onrecord.outsidePorts" -}}
{{- $values := .root.Values -}}
{{- $ports := list -}}
{{- with index $values.network.peers .whom -}}
{{- $ports = .ports -}}
{{- end -}}
{{- if not $ports -}}
{{- if eq .whom "kafka" -}}
{{- range $values.bus.address | trimPrefix "kafka://" | splitList "," -}}
{{- $ports = append $ports (include "onrecord.port" (list . 9092) | int) -}}
{{- end -}}
{{- else if eq .whom "milvus" -}}
{{- $ports = append $ports (include "onrecord.port" (list .c.v.milvus 19530) | int) -}}
{{- else if eq .whom "objects" -}}
{{- $scheme := ternary 80 443 (hasPrefix "http://" $values.objects.endpoint) -}}
{{- $ports = append $ports (include "onrecord.port" (list $values.objects.endpoint $scheme) | int) -}}
{{- else if eq .whom "identity" -}}
{{- $scheme := ternary 80 443 (hasPrefix "http://" $values.identity.issuer) -}}
{{- $ports = append $ports (include "onrecord.port" (list $values.identity.issuer $scheme) | int) -}}
{{- else if eq .whom "collector" -}}
{{- $ports = append $ports (include "onrecord.port" (list $values.telemetry.otlpEndpoint 4317) | int) -}}
{{- end -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}

{{- /* One egress rule to what is outside; no `to` is anywhere, at these ports. */ -}}
{{- define "onrecord.outside" -}}
{{- $peers := index .root.Values.network.peers .whom -}}
{{- $to := $peers.to -}}
{{- if and .c.v .c.v.peers -}}
{{- $to = default $to (index .c.v.peers .whom) -}}
{{- end -}}
- ports:
    {{- include "onrecord.rulePorts" (list (include "onrecord.outsidePorts" . | fromJsonArray) (default (list "TCP") .protocols)) | nindent 4 }}
  {{- with $to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* What one component may open: (dict "root" $ "c" {service, plane, v}). */ -}}
{{- define "onrecord.egress" -}}
{{- $root := .root -}}
{{- $c := .c -}}
{{- $arrows := $root.Files.Get "files/arrows.yaml" | fromYaml -}}
{{- $ports := include "onrecord.ports" $root | fromYaml -}}
{{- $here := include "onrecord.here" $root | fromJsonArray -}}
{{- $remote := false -}}
{{ include "onrecord.outside" (dict "root" $root "whom" "dns" "c" $c "protocols" (list "UDP" "TCP")) }}
{{- range $whom := index $arrows $c.service }}
{{- if hasKey $ports $whom }}
{{- if has $whom $here }}
- ports:
    {{- include "onrecord.rulePorts" (list (list (index $ports $whom).call) (list "TCP")) | nindent 4 }}
  to:
    - {{- include "onrecord.ours" (dict "root" $root "component" $whom) | nindent 6 }}
{{- else if ne $whom "triton" }}
{{- $remote = true }}
{{- end }}
{{- if or (and (eq $whom "vector-search") $root.Values.remotePlanes) (and (eq $whom "triton") $root.Values.inference.address) }}
{{- $remote = true }}
{{- end }}
{{- else if or (ne $whom "witnesses") $root.Values.ledger.witnesses }}
{{ include "onrecord.outside" (dict "root" $root "whom" $whom "c" $c) }}
{{- end }}
{{- end }}
{{- if $remote }}
{{ include "onrecord.outside" (dict "root" $root "whom" "remote" "c" $c) }}
{{- end }}
{{- if and $root.Values.telemetry.otlpEndpoint (has $c.service (list "gateway" "detection" "embedding" "vector-search" "audit")) }}
{{ include "onrecord.outside" (dict "root" $root "whom" "collector" "c" $c) }}
{{- end }}
{{- end -}}

{{- /* Who may open a connection to it. */ -}}
{{- define "onrecord.ingress" -}}
{{- $root := .root -}}
{{- $c := .c -}}
{{- $ports := index (include "onrecord.ports" $root | fromYaml) $c.service -}}
{{- $here := include "onrecord.here" $root | fromJsonArray -}}
{{- range $who, $whom := $root.Files.Get "files/arrows.yaml" | fromYaml }}
{{- if has $c.service $whom }}
{{- $monitoring := eq $who "monitoring" }}
{{- if or $monitoring (eq $who "ingress") }}
- ports:
    {{- include "onrecord.rulePorts" (list (list (ternary $ports.metrics $ports.call $monitoring)) (list "TCP")) | nindent 4 }}
  {{- with (index $root.Values.network.peers $who).from }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- else if has $who $here }}
- ports:
    {{- include "onrecord.rulePorts" (list (list $ports.call) (list "TCP")) | nindent 4 }}
  from:
    - {{- include "onrecord.ours" (dict "root" $root "component" $who) | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}
{{- with $root.Values.network.peers.remote.from }}
{{- if has $c.service (list "audit" "vector-search") }}
- ports:
    {{- include "onrecord.rulePorts" (list (list $ports.call) (list "TCP")) | nindent 4 }}
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{- /*
What every pod of a component may open, its jobs included; nobody speaks to these.
(dict "root" $ "c" {id, service, plane, v} "annotations" optional)
*/ -}}
{{- define "onrecord.speaks" -}}
{{- $c := .c -}}
{{- $named := dict "root" .root "component" $c.service "plane" $c.plane -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "onrecord.fullname" .root }}-{{ $c.id }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  podSelector:
    matchLabels:
      {{- include "onrecord.selector" $named | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "onrecord.egress" . | nindent 4 }}
{{- end -}}

{{- /* Who may open a connection to the pods that serve. */ -}}
{{- define "onrecord.called" -}}
{{- $c := .c -}}
{{- $named := dict "root" .root "component" $c.service "plane" $c.plane "role" "service" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "onrecord.fullname" .root }}-{{ $c.id }}-called
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "onrecord.selector" $named | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    {{- include "onrecord.ingress" . | nindent 4 }}
{{- end -}}
