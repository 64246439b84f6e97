{{/* A name is given once: the API server takes no list that names one twice. */}}
{{- define "fota.env" -}}
{{- $env := list }}
{{- range .Values.manager.env }}
{{- if not (hasKey $.Values.manager.envOverrides .name) }}{{ $env = append $env . }}{{ end }}
{{- end }}
{{- range $name, $value := .Values.manager.envOverrides }}
{{- $env = append $env (dict "name" $name "value" $value) }}
{{- end }}
{{- with $env }}
env: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "fota.volumes" -}}
{{- $volumes := .Values.manager.extraVolumes }}
{{- with .Values.thingspace.ca }}
{{- if .configMap }}{{ $volumes = append $volumes (dict "name" "thingspace-ca" "configMap" (dict "name" .configMap)) }}
{{- else if .secret }}{{ $volumes = append $volumes (dict "name" "thingspace-ca" "secret" (dict "secretName" .secret)) }}
{{- end }}
{{- end }}
{{- with $volumes }}
volumes: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "fota.volumeMounts" -}}
{{- $mounts := .Values.manager.extraVolumeMounts }}
{{- if or .Values.thingspace.ca.configMap .Values.thingspace.ca.secret }}
{{- $mounts = append $mounts (dict "name" "thingspace-ca" "mountPath" "/etc/thingspace" "readOnly" true) }}
{{- end }}
{{- with $mounts }}
volumeMounts: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
