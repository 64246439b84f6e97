package chart_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
)

var digest = "sha256:" + strings.Repeat("0", 64)

func TestLint(t *testing.T) {
	for _, message := range lint.RunAll(folder, nil, system).Messages {
		// Where a chart shows an icon is a site that this one does not have.
		if !strings.Contains(message.Error(), "icon is recommended") {
			t.Error(message.Error())
		}
	}
}

// What the schema or the checks refuse, each with the place of the mistake in the message.
func TestRefusals(t *testing.T) {
	for text, place := range map[string]string{
		"replicas: 2": "replicas",
		"thingspace: {URL: https://a.example.com}":                 "/thingspace",
		"thingspace: {url: ftp://a.example.com}":                   "/thingspace/url",
		"thingspace: {url: 'https://user:secret@a.example.com'}":   "/thingspace/url",
		"thingspace: {allowHTTP: 'true'}":                          "/thingspace/allowHTTP",
		"thingspace: {timeout: 15}":                                "/thingspace/timeout",
		"thingspace: {timeout: 0s}":                                "/thingspace/timeout",
		"thingspace: {timeout: soon}":                              "/thingspace/timeout",
		"thingspace: {qps: -1}":                                    "/thingspace/qps",
		"thingspace: {qps: many}":                                  "/thingspace/qps",
		"thingspace: {burst: 0}":                                   "/thingspace/burst",
		"thingspace: {burst: 1.5}":                                 "/thingspace/burst",
		"thingspace: {ca: {key: a/b}}":                             "/thingspace/ca/key",
		"thingspace: {ca: {configMap: a, secret: b}}":              "thingspace.ca",
		"thingspace: null":                                         "thingspace",
		"defaultInterval: 30s":                                     "/defaultInterval",
		"defaultInterval: 25h":                                     "/defaultInterval",
		"defaultInterval: 1441m":                                   "/defaultInterval",
		"defaultInterval: 0m":                                      "/defaultInterval",
		"deregistrationGrace: -1s":                                 "/deregistrationGrace",
		"deregistrationGrace: 10":                                  "/deregistrationGrace",
		"maxConcurrentReconciles: 0":                               "/maxConcurrentReconciles",
		"watchNamespaces: team-a":                                  "/watchNamespaces",
		"watchNamespaces: [Team]":                                  "/watchNamespaces/0",
		"watchNamespaces: [a, a]":                                  "/watchNamespaces",
		"watchNamespaces: ['a,b']":                                 "/watchNamespaces/0",
		"leaderElection: false":                                    "/leaderElection",
		"leaderElection: {namespace: a.b}":                         "/leaderElection/namespace",
		"log: {level: loud}":                                       "/log/level",
		"log: {level: 0}":                                          "/log/level",
		"log: {encoder: xml}":                                      "/log/encoder",
		"manager: {replicas: two}":                                 "/manager/replicas",
		"manager: {replicas: -1}":                                  "/manager/replicas",
		"manager: {replicas: 2}\nleaderElection: {enabled: false}": "manager.replicas",
		"manager: {image: {tag: 1.10}}":                            "/manager/image/tag",
		"manager: {image: {tag: 'a b'}}":                           "/manager/image/tag",
		"manager: {image: {digest: 'sha256:0'}}":                   "/manager/image",
		"manager: {image: {repository: 'a@sha256:0'}}":             "/manager/image/repository",
		"manager: {image: {tag: 'v1@sha256:0'}}":                   "/manager/image/tag",
		"manager: {image: {tag: 'v1@sha512:0'}}":                   "/manager/image/tag",
		"manager: {image: {tag: '@" + digest + "', repository: 'a@" + digest + "'}}":                                                 "manager.image",
		"podDisruptionBudget: {unhealthyPodEvictionPolicy: Never}":                                                                   "/podDisruptionBudget/unhealthyPodEvictionPolicy",
		"prometheus: {authorization: {secret: A}}":                                                                                   "/prometheus/authorization/secret",
		"prometheus: {authorization: {key: a/b}}":                                                                                    "/prometheus/authorization/key",
		"prometheus: {authorization: {secret: a}}\nmetrics: {secure: false}":                                                         "prometheus.authorization.secret",
		"extraObjects: [{apiVersion: fotacallback.dev/v1alpha1, kind: FotaCallback, metadata: {name: a}}]":                           "extraObjects: a FotaCallback",
		"extraObjects: ['{apiVersion: fotacallback.dev/v1alpha1, kind: \"FotaCallback\", metadata: {name: a}}']":                     "extraObjects: a FotaCallback",
		"extraObjects: [\"apiVersion: v1\\nkind: ConfigMap\\n---\\nkind: {{ print `FotaCallback` }}\\n\"]":                           "extraObjects: a FotaCallback",
		"extraObjects: [{apiVersion: v1, kind: List, metadata: {}, items: [{kind: ConfigMap}, {kind: FotaCallback, metadata: {}}]}]": "extraObjects: a FotaCallback",
		"manager: {image: {pullPolicy: Sometimes}}":                                                                                  "/manager/image/pullPolicy",
		"manager: {args: --kubeconfig=a}":                                                                                            "/manager/args",
		"manager: {args: [stray]}":                                                                                                   "/manager/args/0",
		"manager: {args: [--metrics-bind-address=:1]}":                                                                               "metrics.port",
		"manager: {args: [--watch-namespaces=a]}":                                                                                    "set watchNamespaces",
		"manager: {args: [--leader-elect]}":                                                                                          "leaderElection.enabled",
		"manager: {args: [-thingspace-url=http://a.example.com]}":                                                                    "set thingspace.url",
		"thingspace: {url: http://a.example.com}":                                                                                    "thingspace.allowHTTP",
		"manager: {env: {A: b}}":                                                                                                     "/manager/env",
		"manager: {env: [{name: A, value: 1}]}":                                                                                      "/manager/env/0/value",
		"manager: {envOverrides: {A: true}}":                                                                                         "/manager/envOverrides/A",
		"manager: {env: [{name: WATCH_NAMESPACES, value: a}]}":                                                                       "set watchNamespaces",
		"manager: {envOverrides: {METRICS_BIND_ADDRESS: ':1'}}":                                                                      "set metrics.enabled and metrics.port",
		"manager: {env: [{name: LEADER_ELECT, valueFrom: {configMapKeyRef: {name: a, key: b}}}]}":                                    "set leaderElection.enabled",
		"manager: {env: [{name: A, valueFrom: {secretkeyref: {name: a, key: b}}}]}":                                                  "/manager/env/0/valueFrom",
		"manager: {env: [{name: A, valueFrom: {secretKeyRef: {name: a}}}]}":                                                          "key",
		"manager: {imagePullSecrets: [name]}":                                                                                        "/manager/imagePullSecrets/0",
		"manager: {resources: {limit: {}}}":                                                                                          "/manager/resources",
		"manager: {resources: {limits: {memory: lots}}}":                                                                             "/manager/resources/limits/memory",
		"manager: {resources: {requests: {cpu: -1}}}":                                                                                "/manager/resources/requests/cpu",
		"manager: {resources: {claims: [{name: a, requests: b}]}}":                                                                   "/manager/resources/claims/0",
		"manager: {securityContext: {readOnlyRootFileSystem: true}}":                                                                 "/manager/securityContext",
		"manager: {securityContext: {capabilities: {dropped: [ALL]}}}":                                                               "/manager/securityContext/capabilities",
		"manager: {securityContext: {runAsUser: root}}":                                                                              "/manager/securityContext/runAsUser",
		"manager: {podSecurityContext: {runAsNonroot: true}}":                                                                        "/manager/podSecurityContext",
		"manager: {podSecurityContext: {seccompProfile: {type: Default}}}":                                                           "/manager/podSecurityContext/seccompProfile/type",
		"manager: {affinity: {nodeAffinity: {required: {}}}}":                                                                        "/manager/affinity/nodeAffinity",
		"manager: {strategy: {rollingUpdate: {maxSurges: 1}}}":                                                                       "/manager/strategy/rollingUpdate",
		"manager: {strategy: {rollingUpdate: {maxSurge: some}}}":                                                                     "/manager/strategy/rollingUpdate/maxSurge",
		"manager: {strategy: {type: Rolling}}":                                                                                       "/manager/strategy/type",
		"manager: {extraVolumes: [{name: a, configmap: {name: b}}]}":                                                                 "/manager/extraVolumes/0",
		"manager: {extraVolumes: [{name: a, configMap: {named: b}}]}":                                                                "/manager/extraVolumes/0/configMap",
		"manager: {extraVolumeMounts: [{name: a, mountpath: /b}]}":                                                                   "/manager/extraVolumeMounts/0",
		"manager: {extraVolumeMounts: [{name: a, mountPath: /b, readonly: true}]}":                                                   "/manager/extraVolumeMounts/0",
		"manager: {tolerations: [{key: a, operator: Exist}]}":                                                                        "/manager/tolerations/0/operator",
		"manager: {tolerations: [{effect: NoScheduling}]}":                                                                           "/manager/tolerations/0/effect",
		"manager: {nodeSelector: {a: true}}":                                                                                         "/manager/nodeSelector/a",
		"manager: {topologySpreadConstraints: [{topologyKey: a}]}":                                                                   "/manager/topologySpreadConstraints/0",
		"manager: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway, labelselector: {}}]}": "/manager/topologySpreadConstraints/0",
		"manager: {topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}]}":                    "/manager/topologySpreadConstraints/0/maxSkew",
		"manager: {podsecuritycontext: {}}":                                                                                          "/manager",
		"manager: {healthProbe: {port: 8443}}":                                                                                       "manager.healthProbe.port",
		"manager: {healthProbe: {port: 65536}}":                                                                                      "/manager/healthProbe/port",
		"serviceAccount: {enabled: false}":                                                                                           "serviceAccount.name",
		"serviceAccount: {create: false}":                                                                                            "/serviceAccount",
		"rbac: {secretNames: thingspace-credentials}":                                                                                "/rbac/secretNames",
		"rbac: {secretNames: ['*']}":                                                                                                 "/rbac/secretNames/0",
		"rbac: {namespaced: team-a}":                                                                                                 "/rbac/namespaced",
		"crd: {keep: 'yes'}":                                                                                                         "/crd/keep",
		"crd: {enable: true}":                                                                                                        "/crd",
		"crd: {keep: null}":                                                                                                          "/crd",
		"metrics: {port: '8443'}":                                                                                                    "/metrics/port",
		"metrics: {port: 0}":                                                                                                         "/metrics/port",
		"metrics: {enabled: false}\nprometheus: {enabled: true}":                                                                     "prometheus.enabled",
		"metrics: {enabled: false}\nprometheus: {rules: {enabled: true}}":                                                            "prometheus.rules.enabled",
		"prometheus: {interval: 30}":                                                                                                 "/prometheus/interval",
		"prometheus: {rules: true}":                                                                                                  "/prometheus/rules",
		"grafanaDashboard: {labels: {grafana_dashboard: 1}}":                                                                         "/grafanaDashboard/labels/grafana_dashboard",
		"networkPolicy: {from: [{podselector: {}}]}":                                                                                 "/networkPolicy/from/0",
		"networkPolicy: {from: [{ipBlock: {cidrs: [a]}}]}":                                                                           "/networkPolicy/from/0/ipBlock",
		"networkPolicy: {from: [{}]}":                                                                                                "/networkPolicy/from/0",
		"podDisruptionBudget: {minAvailable: all}":                                                                                   "/podDisruptionBudget/minAvailable",
		"podDisruptionBudget: {minAvailable: 1, maxUnavailable: 1}":                                                                  "podDisruptionBudget",
		"extraObjects: [{kind: ConfigMap}]":                                                                                          "/extraObjects/0",
		"commonLabels: [a]":                                                                                                          "/commonLabels",
		"fullnameOverride: Operator":                                                                                                 "/fullnameOverride",
	} {
		_, err := try(t, name, system, values(t, text))
		if err == nil {
			t.Errorf("taken: %s", text)
		} else if !strings.Contains(err.Error(), place) || strings.Contains(err.Error(), "nil pointer") {
			t.Errorf("%s is refused with %v, which does not name %s", text, err, place)
		}
	}
}

// A value that is taken away with null falls back to what the operator or Kubernetes has, or is refused as missing. No template fails on it.
func TestNull(t *testing.T) {
	var paths [][]string
	each(load(t).Values, nil, func(path []string) { paths = append(paths, slices.Clone(path)) })
	if len(paths) < 60 {
		t.Errorf("only %d values", len(paths))
	}
	for _, path := range paths {
		var value any
		for _, key := range slices.Backward(path) {
			value = map[string]any{key: value}
		}
		if _, err := try(t, name, system, value.(map[string]any)); err != nil && !strings.Contains(err.Error(), "missing propert") {
			t.Errorf("%s: null: %v", path, err)
		}
	}
}

// The schema knows no value that values.yaml does not have (one the other way round would be refused), and leaves no table open.
func TestSchemaAndValuesAreOne(t *testing.T) {
	text, err := os.ReadFile(folder + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	known := closed(t, "", schema, load(t).Values)
	if known < 80 {
		t.Errorf("only %d values in the schema", known)
	}
}

// closed counts the values that a table of the schema has, down to the types that are Kubernetes's, which have a test of their own.
func closed(t *testing.T, path string, schema, values map[string]any) int {
	t.Helper()
	known := 0
	for key, property := range schema["properties"].(map[string]any) {
		below := strings.TrimPrefix(path+"."+key, ".")
		value, ok := values[key]
		if !ok && below != "global" && below != "enabled" { // which a chart gets from one that it is a part of
			t.Errorf("values.yaml does not have %s", below)
		}
		known++
		if table, ok := value.(map[string]any); ok && property.(map[string]any)["properties"] != nil && len(table) > 0 {
			known += closed(t, below, property.(map[string]any), table)
		}
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%q takes unknown keys", path)
	}
	return known
}

// A chart that this one is a part of has it or not by a condition, which is a value of this one.
func TestPartOfAnotherChart(t *testing.T) {
	part := load(t)
	for text, operators := range map[string]int{
		"": 1, name + ": {enabled: true}": 1, name + ": {enabled: false}": 0,
		"{global: {region: east}, " + name + ": {enabled: true, manager: {replicas: 2}}}": 1,
	} {
		whole := &chart.Chart{Metadata: &chart.Metadata{
			APIVersion: chart.APIVersionV2, Name: "fleet", Version: "1.0.0",
			Dependencies: []*chart.Dependency{{Name: name, Version: part.Metadata.Version, Condition: name + ".enabled"}},
		}}
		whole.AddDependency(load(t))
		made, err := tryChart(t, whole, "fleet", system, values(t, text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if found := find(objects(t, made.Manifest), "Deployment"); len(found) != operators {
			t.Errorf("%q: %d Deployments", text, len(found))
		}
	}
}

// each calls with every value that is no table.
func each(table map[string]any, above []string, call func(path []string)) {
	for key, value := range table {
		path := append(slices.Clone(above), key)
		if below, ok := value.(map[string]any); ok && len(below) > 0 {
			each(below, path, call)
		} else {
			call(path)
		}
	}
}

// The README has a row for each value, with a sentence in it.
func TestEveryValueIsDescribed(t *testing.T) {
	text, err := os.ReadFile(folder + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\S+) \| \S+ \| .+ \| (\S.*\.) \|$`).FindAllStringSubmatch(string(text), -1) {
		rows[row[1]] = true
	}
	each(load(t).Values, nil, func(path []string) {
		for i := range path {
			if rows[strings.Join(path[:i+1], ".")] {
				return
			}
		}
		t.Errorf("README.md says nothing about %s", strings.Join(path, "."))
	})
}
