{{/* The name of the chart, in labels. As a part of another chart it may have an alias, which Helm holds to no rule for labels. */}}
{{- define "fota.name" -}}
{{- regexReplaceAll "[^-_.A-Za-z0-9]" (default .Chart.Name .Values.nameOverride) "-" | trunc 63 | trimAll "-_." | default "fota-callback-operator" }}
{{- end }}

{{/* What all names begin with: as kustomize has it, where the release is named after the chart. */}}
{{- define "fota.fullname" -}}
{{- $name := include "fota.name" . }}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}{{ .Release.Name }}
{{- else }}{{ printf "%s-%s" .Release.Name $name }}
{{- end }}
{{- end }}

{{/* The name of an object, from (list $ suffix). A name has 63 characters at most, small letters, digits and hyphens, and begins with a letter, as that of a
     Service must. One that has to be changed for that gets a hash, so that two releases, or two aliases, do not come to the same. */}}
{{- define "fota.object" -}}
{{- $suffix := index . 1 }}
{{- $full := include "fota.fullname" (index . 0) }}
{{- $room := sub 62 (len $suffix) | int }}
{{- if or (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full)) (gt (len $full) $room) }}
{{- $valid := regexReplaceAll "[^-a-z0-9]" (lower $full) "-" | trimAll "-" }}
{{- if not (regexMatch "^[a-z]" $valid) }}{{ $valid = printf "fota-%s" $valid }}{{ end }}
{{- $full = printf "%s-%s" (trunc (sub $room 9 | int) $valid | trimSuffix "-") (sha256sum $full | trunc 8) }}
{{- end }}
{{- printf "%s-%s" $full $suffix }}
{{- end }}

{{- define "fota.serviceAccount" -}}
{{- default (include "fota.object" (list . "controller-manager")) .Values.serviceAccount.name }}
{{- end }}

{{/* What the Deployment selects by. The release is not in it: who has installed with kustomize can go on with Helm. */}}
{{- define "fota.selector" -}}
control-plane: controller-manager
app.kubernetes.io/name: {{ include "fota.name" . | quote }}
{{- end }}

{{/* Labels and annotations of an object, from (list $ labels annotations): its own go before the common ones, the chart's before both. */}}
{{- define "fota.metadata" -}}
{{- $ := index . 0 }}
{{- $chart := dict
  "app.kubernetes.io/name" (include "fota.name" $)
  "app.kubernetes.io/instance" $.Release.Name
  "app.kubernetes.io/managed-by" $.Release.Service
  "helm.sh/chart" (printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_.") }}
labels: {{- merge $chart (index . 1) $.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge (dict) (index . 2) $.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The namespaces that the operator watches, as a JSON list; none means all. */}}
{{- define "fota.namespaces" -}}
{{- if .Values.watchNamespaces }}{{ toJson .Values.watchNamespaces }}
{{- else if .Values.rbac.namespaced }}{{ toJson (list .Release.Namespace) }}
{{- else }}[]
{{- end }}
{{- end }}

{{- define "fota.metrics" -}}
{{- if and .Values.manager.enabled .Values.metrics.enabled }}true{{ end }}
{{- end }}

{{/* Whether the metrics ask the API server who is scraping. */}}
{{- define "fota.secureMetrics" -}}
{{- if and (include "fota.metrics" .) .Values.metrics.secure }}true{{ end }}
{{- end }}

{{/* A binding of the operator to a role, from (list $ kind name namespace roleKind roleName); no namespace for one of the cluster. */}}
{{- define "fota.binding" -}}
{{- $ := index . 0 }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ index . 1 }}
metadata:
  name: {{ include "fota.object" (list $ (index . 2)) }}
  {{- with index . 3 }}
  namespace: {{ . | quote }}
  {{- end }}
  {{- include "fota.metadata" (list $ dict dict) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ index . 4 }}
  name: {{ include "fota.object" (list $ (index . 5)) }}
subjects:
  - kind: ServiceAccount
    name: {{ include "fota.serviceAccount" $ | quote }}
    namespace: {{ $.Release.Namespace | quote }}
{{- end }}

{{/* The image: a digest in the repository or behind the tag goes before the tag, and stands for the image alone. */}}
{{- define "fota.image" -}}
{{- with .Values.manager.image }}
{{- if contains "@" .repository }}{{ .repository }}
{{- else if hasPrefix "@" (default "" .tag) }}{{ printf "%s%s" .repository .tag }}
{{- else }}{{ printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}
