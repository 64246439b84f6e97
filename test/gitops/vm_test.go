// Package gitops_test holds what GitOps tools say about a FotaCallback to one table, with the tools' own code where it can be had. It is a module of
// its own, so that none of these tools becomes a dependency of the operator.
package gitops_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/yaml"
)

const (
	argo      = "../../config/argocd"
	resources = argo + "/resource_customizations/fotacallback.dev/FotaCallback"
)

type object = map[string]any

// customization is what argocd-cm holds for one kind: the scripts that users install, not the files that they are made from.
type customization struct {
	health  string
	actions struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name   string `json:"name"`
			Action string `json:"action.lua"`
		} `json:"definitions"`
	}
}

func argoCustomization(t *testing.T) customization {
	t.Helper()
	var configMap struct {
		Data map[string]string `json:"data"`
	}
	read(t, argo+"/argocd-cm.yaml", &configMap)
	var c customization
	c.health = configMap.Data["resource.customizations.health.fotacallback.dev_FotaCallback"]
	if err := yaml.UnmarshalStrict([]byte(configMap.Data["resource.customizations.actions.fotacallback.dev_FotaCallback"]), &c.actions); err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// run runs a script as Argo CD runs one from argocd-cm, where useOpenLibs is off: with base, table and package, and with an os that can tell the time
// and has to be required. There is no string, no math, no io. What the script returns is written to into.
func run(script string, o object, into any) error {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return err
		}
	}
	l.PreloadModule(lua.OsLibName, safeOS)
	l.SetGlobal("obj", luajson.DecodeValue(l, plain(o)))
	if err := l.DoString(script); err != nil {
		return err
	}
	result, err := luajson.Encode(l.Get(-1))
	if err != nil {
		return err
	}
	return json.Unmarshal(result, into)
}

// safeOS has of os what Argo CD lets in and the actions use, at a fixed time.
func safeOS(l *lua.LState) int {
	l.Push(l.SetFuncs(l.NewTable(), map[string]lua.LGFunction{"date": func(l *lua.LState) int {
		if format := l.CheckString(1); format != "!%Y-%m-%dT%XZ" {
			l.RaiseError("this os knows only the format of RFC 3339 in UTC, not %q", format)
		}
		l.Push(lua.LString(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)))
		return 1
	}}))
	return 1
}

// plain turns integers into float64, which is what the conversion to Lua knows.
func plain(o object) any {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err)
	}
	return all
}
