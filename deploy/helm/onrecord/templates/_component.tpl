{{- /*
Everything that a service is in Kubernetes: (dict "root" $ "c" component). Its network policy comes
from _arrows.tpl, its KEDA scaler from keda.yaml; both range over the same components.
*/ -}}
{{- define "onrecord.component" -}}
{{- $root := .root -}}
{{- $c := .c -}}
{{- $name := include "onrecord.account" . -}}
{{- $settings := include "onrecord.settings" . -}}
{{- $named := dict "root" $root "component" $c.service "plane" $c.plane "role" "service" -}}
{{- $http := eq $c.service "gateway" -}}
{{- $models := has $c.service (list "gateway" "detection" "embedding") -}}
{{- $scaled := $c.v.autoscaling.enabled -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
  {{- with $c.v.serviceAccountAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
data:
  settings.toml: |
    {{- $settings | nindent 4 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
spec:
  {{- if not $http }}
  clusterIP: None
  {{- end }}
  selector:
    {{- include "onrecord.selector" $named | nindent 4 }}
  ports:
    {{- if $http }}
    - {name: http, port: 80, targetPort: http, protocol: TCP, appProtocol: http}
    {{- else }}
    - {name: grpc, port: 8443, targetPort: grpc, protocol: TCP}
    {{- end }}
    - {name: health, port: 8081, targetPort: health, protocol: TCP, appProtocol: http}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
spec:
  {{- if not $scaled }}
  replicas: {{ $c.v.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  minReadySeconds: 5
  progressDeadlineSeconds: 900
  strategy:
    type: RollingUpdate
    rollingUpdate: {{ include "onrecord.exchanged" $c }}
  selector:
    matchLabels:
      {{- include "onrecord.selector" $named | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "onrecord.labels" $named | nindent 8 }}
        {{- with $c.v.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        onrecord.org/settings: {{ $settings | sha256sum }}
        {{- with $c.v.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "onrecord.podStart" (dict "root" $root "account" $name) | nindent 6 }}
      terminationGracePeriodSeconds: {{ include "onrecord.grace" $c.v }}
      {{- with $c.v.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $c.v.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $c.v.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $c.v.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        {{- include "onrecord.spread" (dict "spread" $c.v.spread "selector" (include "onrecord.selector" $named)) | nindent 8 }}
      {{- if $models }}
      initContainers:
        {{- include "onrecord.modelsStep" (dict "root" $root "image" $c.service "cards" $http) | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ $c.service }}
          image: {{ include "onrecord.image" (list $root $c.service) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          securityContext:
            {{- include "onrecord.containerSecurity" . | nindent 12 }}
          args: [serve, {{ $c.service }}]
          env:
            {{- include "onrecord.variables" . | nindent 12 }}
          ports:
            {{- if $http }}
            - {name: http, containerPort: 8420, protocol: TCP}
            {{- else }}
            - {name: grpc, containerPort: 8443, protocol: TCP}
            {{- end }}
            - {name: health, containerPort: 8081, protocol: TCP}
          startupProbe:
            httpGet: {path: /healthz, port: health}
            periodSeconds: 2
            failureThreshold: 90
          livenessProbe:
            httpGet: {path: /healthz, port: health}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: health}
            periodSeconds: 5
            timeoutSeconds: 6
            failureThreshold: 2
          resources:
            {{- toYaml $c.v.resources | nindent 12 }}
          volumeMounts:
            {{- include "onrecord.mounts" . | nindent 12 }}
      volumes:
        {{- include "onrecord.volumes" . | nindent 8 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
spec:
  maxUnavailable: {{ $c.v.disruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "onrecord.selector" $named | nindent 6 }}
{{- if and $scaled (or $http (not $root.Values.keda.enabled)) }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name }}}
  minReplicas: {{ $c.v.autoscaling.minReplicas }}
  maxReplicas: {{ $c.v.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ $c.v.autoscaling.cpu }}}}
    {{- with $c.v.autoscaling.memory }}
    - type: Resource
      resource: {name: memory, target: {type: Utilization, averageUtilization: {{ . }}}}
    {{- end }}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300}
{{- end }}
{{- if and (eq $c.service "vector-search") (not $c.v.keys.claim) }}
---
# The galleries' private keys. Without them no portrait opens any more: Helm never deletes them.
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ $name }}-keys
  labels:
    {{- include "onrecord.labels" $named | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes: [{{ $c.v.keys.accessMode }}]
  {{- with $c.v.keys.storageClassName }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests: {storage: {{ $c.v.keys.size }}}
{{- end }}
{{- if $root.Values.monitoring.serviceMonitors.enabled }}
---
{{ include "onrecord.serviceMonitor" (dict "root" $root "named" $named "name" $name "port" "health") }}
{{- end }}
{{- end -}}

{{- /* The job's name is the component's, and a plane has its name: as the dashboards and rules ask for them. */ -}}
{{- define "onrecord.serviceMonitor" -}}
{{- $values := .root.Values.monitoring.serviceMonitors -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ .name }}
  labels:
    {{- include "onrecord.labels" .named | nindent 4 }}
    {{- with $values.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  jobLabel: app.kubernetes.io/component
  selector:
    matchLabels:
      {{- include "onrecord.selector" .named | nindent 6 }}
  endpoints:
    - port: {{ .port }}
      path: /metrics
      interval: {{ $values.interval }}
      relabelings:
        {{- /* Our metrics have a label `service` of their own, which a target's would push aside. */}}
        - {action: labeldrop, regex: service}
        {{- if .named.plane }}
        - {sourceLabels: [__meta_kubernetes_service_label_onrecord_org_plane], targetLabel: plane}
        {{- end }}
{{- end -}}
