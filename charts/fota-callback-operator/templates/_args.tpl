{{/* The operator's arguments. What is as the operator has it is left out, so that its defaults stay in one place. */}}
{{- define "fota.args" -}}
{{- $flags := dict
  "thingspace-url" .Values.thingspace.url
  "thingspace-timeout" .Values.thingspace.timeout
  "thingspace-qps" .Values.thingspace.qps
  "thingspace-burst" .Values.thingspace.burst
  "default-interval" .Values.defaultInterval
  "deregistration-grace" .Values.deregistrationGrace
  "max-concurrent-reconciles" .Values.maxConcurrentReconciles
  "zap-log-level" .Values.log.level
  "zap-encoder" .Values.log.encoder
  "zap-stacktrace-level" .Values.log.stacktraceLevel
  "zap-time-encoding" .Values.log.timeEncoding }}
{{- if .Values.thingspace.allowHTTP }}{{ $_ := set $flags "thingspace-allow-http" true }}{{ end }}
{{- if or .Values.thingspace.ca.configMap .Values.thingspace.ca.secret }}
{{- $_ := set $flags "thingspace-ca-file" (printf "/etc/thingspace/%s" .Values.thingspace.ca.key) }}
{{- end }}
{{- with include "fota.namespaces" . | fromJsonArray }}{{ $_ := set $flags "watch-namespaces" (join "," .) }}{{ end }}
{{- with .Values.leaderElection.namespace }}{{ $_ := set $flags "leader-election-namespace" . }}{{ end }}
{{- if or .Values.loginRecord.namespace (ne .Values.loginRecord.name "fota-callback-operator-logins") }}
{{- $_ := set $flags "login-record" (printf "%s/%s" (default .Release.Namespace .Values.loginRecord.namespace) .Values.loginRecord.name) }}
{{- end }}
{{- if .Values.log.development }}{{ $_ := set $flags "zap-devel" true }}{{ end }}
{{- if not .Values.metrics.enabled }}{{ $_ := set $flags "metrics-bind-address" "0" }}
{{- else if ne (int .Values.metrics.port) 8443 }}{{ $_ := set $flags "metrics-bind-address" (printf ":%d" (int .Values.metrics.port)) }}
{{- end }}
{{- if not .Values.metrics.secure }}{{ $_ := set $flags "metrics-secure" false }}{{ end }}
{{- if ne (int .Values.manager.healthProbe.port) 8081 }}{{ $_ := set $flags "health-probe-bind-address" (printf ":%d" (int .Values.manager.healthProbe.port)) }}{{ end }}
{{- $args := list (ternary "--leader-elect" "--leader-elect=false" .Values.leaderElection.enabled) }}
{{- range $flag, $value := $flags }}
{{- if not (kindIs "invalid" $value) }}
{{- $args = append $args (printf "--%s=%s" $flag (kindIs "string" $value | ternary $value (toJson $value))) }}
{{- end }}
{{- end }}
{{- concat $args .Values.manager.args | toYaml }}
{{- end }}
