{{- /*
The services of this release, as a list of {id, service, plane, v}: `id` is its name within the
release, `v` its values: what every service has, what this one says otherwise and, of a plane, what
every plane has in between. One place; all templates range over it.
*/ -}}
{{- define "onrecord.components" -}}
{{- $found := list -}}
{{- range $key := list "gateway" "detection" "embedding" "audit" -}}
{{- $v := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy (index $.Values $key)) -}}
{{- if $v.enabled -}}
{{- $found = append $found (dict "id" $key "service" $key "plane" "" "v" $v) -}}
{{- end -}}
{{- end -}}
{{- range $name, $plane := .Values.planes -}}
{{- $v := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy $.Values.vectorSearch) (deepCopy $plane) -}}
{{- if $v.enabled -}}
{{- $found = append $found (dict "id" (printf "vector-search-%s" $name) "service" "vector-search" "plane" $name "v" $v) -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{- /* Where a service is called: by its address elsewhere, or as the headless Service here: (list $ key). */ -}}
{{- define "onrecord.at" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $v := mergeOverwrite (deepCopy $root.Values.defaults) (deepCopy (index $root.Values $key)) -}}
{{- if $v.enabled -}}
{{- printf "%s-%s:8443" (include "onrecord.fullname" $root) $key -}}
{{- else -}}
{{- required (printf "%s.address: where %s is called, since it is not part of this release" $key $key) $v.address -}}
{{- end -}}
{{- end -}}

{{- /* The planes that are called, as JSON: name=host:port each. */ -}}
{{- define "onrecord.planes" -}}
{{- $found := list -}}
{{- range $one := include "onrecord.components" . | fromYamlArray -}}
{{- if $one.plane -}}
{{- $found = append $found (printf "%s=%s-%s:8443" $one.plane (include "onrecord.fullname" $) $one.id) -}}
{{- end -}}
{{- end -}}
{{- range $name, $remote := .Values.remotePlanes -}}
{{- $found = append $found (printf "%s=%s" $name $remote.address) -}}
{{- end -}}
{{- if not $found -}}
{{- fail "planes: name at least one, with its Milvus (planes.main.milvus), or a plane elsewhere (remotePlanes)" -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- define "onrecord.homes" -}}
{{- $found := list -}}
{{- range $one := include "onrecord.components" . | fromYamlArray -}}
{{- if $one.plane -}}
{{- range $gallery := $one.v.galleries -}}
{{- $found = append $found (printf "%s=%s" $gallery $one.plane) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $remote := .Values.remotePlanes -}}
{{- range $gallery := $remote.galleries -}}
{{- $found = append $found (printf "%s=%s" $gallery $name) -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- /* Whether a plane's keys can be mounted on one node only. */ -}}
{{- define "onrecord.alone" -}}
{{- if and .plane (eq .v.keys.accessMode "ReadWriteOnce") -}}
{{- if or (gt (int .v.replicas) 1) .v.autoscaling.enabled -}}
{{- fail (printf "planes.%s.keys.accessMode: several replicas share a plane's keys, which takes ReadWriteMany" .plane) -}}
{{- end -}}
true
{{- end -}}
{{- end -}}

{{- /*
How replicas are exchanged: one comes before one goes. Where a volume can be on one node only, the next
one could wait for ever for the one before: that one goes first.
*/ -}}
{{- define "onrecord.exchanged" -}}
{{- if include "onrecord.alone" . -}}
{maxUnavailable: 1, maxSurge: 0}
{{- else -}}
{maxUnavailable: 0, maxSurge: 1}
{{- end -}}
{{- end -}}

{{- /* Seconds that Kubernetes leaves a pod for its end: unready, then draining, then what is closed. */ -}}
{{- define "onrecord.grace" -}}
{{- add (ceil .unreadySeconds) (ceil .stopSeconds) 10 -}}
{{- end -}}
