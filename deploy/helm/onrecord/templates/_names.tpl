{{- define "onrecord.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What a reference names, or else the name that goes by convention: (list $ given suffix). */ -}}
{{- define "onrecord.named" -}}
{{- $root := index . 0 -}}
{{- default (printf "%s-%s" (include "onrecord.fullname" $root) (index . 2)) (index . 1) -}}
{{- end -}}

{{- /* Labels that pods are chosen by: (dict "root" $ "component" "gateway" "plane" "" "role" "service"). */ -}}
{{- define "onrecord.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .plane }}
onrecord.org/plane: {{ . }}
{{- end }}
{{- with .role }}
onrecord.org/role: {{ . }}
{{- end }}
{{- end -}}

{{- define "onrecord.labels" -}}
{{ include "onrecord.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: onrecord
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* (list $ service) */ -}}
{{- define "onrecord.image" -}}
{{- $values := (index . 0).Values.image -}}
{{- $service := index . 1 -}}
{{- $at := printf "%s/%s" $values.repository $service -}}
{{- with index $values.digests $service -}}
{{- printf "%s@%s" $at . -}}
{{- else -}}
{{- printf "%s:%s" $at (default (index $ 0).Chart.AppVersion $values.tag) -}}
{{- end -}}
{{- end -}}

{{- /* host and port out of a URL or an address, with the port of the scheme where none is said: (list url port). */ -}}
{{- define "onrecord.port" -}}
{{- $authority := index . 0 | regexFind "^([a-z0-9]+://)?[^/?]+" | trimPrefix "https://" | trimPrefix "http://" -}}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" -}}
{{- default (index . 1) $port -}}
{{- end -}}
