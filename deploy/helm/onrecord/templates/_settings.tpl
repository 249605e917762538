{{- /*
What a service is told, as the TOML that `onrecord serve` reads: (dict "root" $ "c" component).
Secrets are not in it: they come through the environment, by reference (_pod.tpl).
*/ -}}
{{- define "onrecord.settings" -}}
{{- $values := .root.Values -}}
{{- $c := .c -}}
{{- $told := dict
  "certificate" "/etc/onrecord/certificate/tls.crt"
  "certificate_key" "/etc/onrecord/certificate/tls.key"
  "roots" "/etc/onrecord/certificate/ca.crt"
  "health_address" "0.0.0.0:8081"
  "stop_seconds" $c.v.stopSeconds
  "unready_seconds" $c.v.unreadySeconds
  "log_form" "json"
  "bus" (required "bus.address: the brokers of Kafka, kafka://host:port[,host:port]" $values.bus.address)
-}}
{{- with $values.telemetry -}}
{{- if .otlpEndpoint -}}
{{- $told = merge $told (dict "otlp_endpoint" .otlpEndpoint "trace_sample" .traceSample) -}}
{{- end -}}
{{- end -}}
{{- if $values.bus.tls -}}
{{- $_ := set $told "bus_roots" "/etc/onrecord/bus/ca.crt" -}}
{{- if $values.bus.clientCertificate -}}
{{- $told = merge $told (dict "bus_certificate" "/etc/onrecord/bus/tls.crt" "bus_key" "/etc/onrecord/bus/tls.key") -}}
{{- end -}}
{{- end -}}
{{- if $values.bus.user -}}
{{- $told = merge $told (dict "bus_user" $values.bus.user "bus_mechanism" $values.bus.mechanism) -}}
{{- end -}}
{{- if ne $c.service "embedding" -}}
{{- $told = merge $told (dict "objects_endpoint" $values.objects.endpoint "objects_region" $values.objects.region) -}}
{{- end -}}
{{- if has $c.service (list "gateway" "vector-search" "audit") -}}
{{- $told = merge $told (dict
  "token_issuer" (required "identity.issuer: the `iss` that people's tokens carry" $values.identity.issuer)
  "token_audience" $values.identity.audience
  "token_keys" $values.identity.keys) -}}
{{- if $values.identity.rootsConfigMap -}}
{{- $_ := set $told "token_keys_roots" "/etc/onrecord/identity/ca.crt" -}}
{{- end -}}
{{- end -}}
{{- if has $c.service (list "detection" "embedding" "vector-search") -}}
{{- $_ := set $told "ledger_key" "/etc/onrecord/ledger/ledger.vkey" -}}
{{- end -}}
{{- if has $c.service (list "gateway" "detection" "embedding") -}}
{{- $told = merge $told (dict "models" "/models" "planes" (include "onrecord.planes" .root | fromJsonArray)) -}}
{{- end -}}
{{- if has $c.service (list "detection" "embedding") -}}
{{- if include "onrecord.inference" .root -}}
{{- $_ := set $told "inference" (include "onrecord.inference" .root) -}}
{{- if $values.inference.tlsSecret -}}
{{- $told = merge $told (dict "inference_roots" "/etc/onrecord/inference/ca.crt" "inference_certificate" "/etc/onrecord/inference/tls.crt" "inference_key" "/etc/onrecord/inference/tls.key") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq $c.service "gateway" -}}
{{- $told = merge $told (dict
  "address" "0.0.0.0:8420"
  "audit" (include "onrecord.at" (list .root "audit"))
  "detection" (include "onrecord.at" (list .root "detection"))
  "embedding" (include "onrecord.at" (list .root "embedding"))
  "casework_key" "/etc/onrecord/casework/casework.key"
  "vault" $values.objects.vault
  "ingest" $values.objects.ingest
  "ledger_objects" $values.objects.ledger) -}}
{{- with include "onrecord.homes" .root | fromJsonArray -}}
{{- $_ := set $told "homes" . -}}
{{- end -}}
{{- else -}}
{{- $_ := set $told "address" "0.0.0.0:8443" -}}
{{- end -}}
{{- if eq $c.service "detection" -}}
{{- $_ := set $told "ingest" $values.objects.ingest -}}
{{- end -}}
{{- if eq $c.service "vector-search" -}}
{{- $told = merge $told (dict
  "plane" $c.plane
  "audit" (include "onrecord.at" (list .root "audit"))
  "milvus" (required (printf "planes.%s.milvus: the plane's Milvus, http(s)://host:port" $c.plane) $c.v.milvus)
  "keys" "/var/lib/onrecord/keys/galleries"
  "vault" $values.objects.vault
  "ingest" $values.objects.ingest) -}}
{{- end -}}
{{- if eq $c.service "audit" -}}
{{- $told = merge $told (dict "ledger_objects" $values.objects.ledger "ledger_signing_key" "/etc/onrecord/signing/ledger.key") -}}
{{- with $values.ledger.witnesses -}}
{{- $told = merge $told (dict "witnesses" . "witness_quorum" $values.ledger.witnessQuorum) -}}
{{- end -}}
{{- end -}}
{{- $told = mergeOverwrite $told $c.v.settings -}}
{{- /* JSON's texts, numbers and lists of texts are TOML's. */ -}}
{{- range $name, $value := $told }}
{{ $name }} = {{ $value | toRawJson }}
{{- end }}
{{- end -}}

{{- /* Who runs the models: nothing where they run in the services' own processes. */ -}}
{{- define "onrecord.inference" -}}
{{- if .Values.inference.address -}}
{{- .Values.inference.address -}}
{{- else if .Values.triton.enabled -}}
{{- printf "triton://%s-triton:8001" (include "onrecord.fullname" .) -}}
{{- end -}}
{{- end -}}
