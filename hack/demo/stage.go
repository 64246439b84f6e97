package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// stage is everything that the demo runs: API server, simulator and operator, each a process of its own.
type stage struct {
	dir          string
	kubeconfig   string
	simulatorURL string
	client       client.Client
	environment  *envtest.Environment
	processes    []*exec.Cmd
	died         chan error
}

// setUp starts everything. Where it fails it leaves nothing behind.
func setUp(ctx context.Context, dir string) (s *stage, err error) {
	log.SetLogger(logr.Discard()) // envtest has nothing to tell
	s = &stage{dir: dir, died: make(chan error, 2)}
	defer func() {
		if err != nil {
			s.tearDown()
		}
	}()

	say("Building the operator and the simulator.")
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./cmd/...")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	say("Starting etcd and kube-apiserver, and installing the CRD.")
	if err := s.startControlPlane(); err != nil {
		return nil, err
	}
	say("Starting the simulated ThingSpace and the operator.")
	if err := s.startSimulator(ctx); err != nil {
		return nil, err
	}
	return s, s.startOperator()
}

func (s *stage) startControlPlane() error {
	s.environment = &envtest.Environment{CRDDirectoryPaths: []string{"config/crd/bases"}, ErrorIfCRDPathMissing: true}
	config, err := s.environment.Start()
	if err != nil {
		return fmt.Errorf("start the control plane (KUBEBUILDER_ASSETS=%s): %w", os.Getenv("KUBEBUILDER_ASSETS"), err)
	}
	user, err := s.environment.AddUser(envtest.User{Name: "demo", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return err
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return err
	}
	s.kubeconfig = filepath.Join(s.dir, "kubeconfig")
	if err := os.WriteFile(s.kubeconfig, kubeconfig, 0o600); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	s.client, err = client.New(config, client.Options{Scheme: scheme})
	return err
}

func (s *stage) startSimulator(ctx context.Context) error {
	command := s.command("thingspace-simulator", "--listen=127.0.0.1:0")
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.start(command); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the simulator did not start: %w", err)
	}
	base := strings.TrimSpace(line[strings.Index(line, "http"):])
	s.simulatorURL = strings.TrimSuffix(base, "/api")
	return ctx.Err()
}

func (s *stage) startOperator() error {
	file, err := os.Create(filepath.Join(s.dir, "operator.log"))
	if err != nil {
		return err
	}
	command := s.command("manager", "--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0",
		"--thingspace-url="+s.simulatorURL+"/api", "--thingspace-allow-http", "--deregistration-grace=2s", "--kubeconfig="+s.kubeconfig)
	command.Stdout, command.Stderr = file, file
	return s.start(command)
}

func (s *stage) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(s.dir, name), args...) //nolint:gosec,noctx // our own binary; tearDown ends it
	// Ctrl-C is for the demo, which ends its processes in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command
}

func (s *stage) start(command *exec.Cmd) error {
	if err := command.Start(); err != nil {
		return err
	}
	s.processes = append(s.processes, command)
	go func() {
		err := command.Wait()
		s.died <- fmt.Errorf("%s has ended: %w", filepath.Base(command.Path), err)
	}()
	return nil
}

func (s *stage) tearDown() {
	for i := len(s.processes) - 1; i >= 0; i-- {
		_ = s.processes[i].Process.Signal(syscall.SIGTERM)
		select {
		case <-s.died:
		case <-time.After(15 * time.Second):
			_ = s.processes[i].Process.Kill()
		}
	}
	if s.environment != nil {
		_ = s.environment.Stop()
	}
}

func (s *stage) operatorLog() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "operator.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// applySamples creates what config/samples holds, but without the policies that would make a dull play.
func (s *stage) applySamples(ctx context.Context) error {
	for _, name := range []string{"secret.yaml", "fotacallback.yaml"} {
		raw, err := os.ReadFile(filepath.Join("config/samples", name))
		if err != nil {
			return err
		}
		documents := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
		for {
			var object client.Object = fotaCallback("")
			if name == "secret.yaml" {
				object = &corev1.Secret{}
			}
			if err := documents.Decode(object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			object.SetNamespace("default")
			if err := s.client.Create(ctx, object); err != nil {
				return fmt.Errorf("apply %s: %w", name, err)
			}
		}
	}
	return nil
}

func fotaCallback(name string) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
}

func (s *stage) ready(ctx context.Context, name string) (bool, error) {
	o := fotaCallback(name)
	err := s.client.Get(ctx, client.ObjectKeyFromObject(o), o)
	return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady), err
}

func (s *stage) requestCheck(ctx context.Context, name string) error {
	o := fotaCallback(name)
	if err := s.client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
		return err
	}
	before := client.MergeFrom(o.DeepCopy())
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, time.Now().Format(time.RFC3339Nano))
	return s.client.Patch(ctx, o, before)
}

// print shows the objects as kubectl does.
func (s *stage) print(ctx context.Context) {
	kubectl := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), //nolint:gosec // our own binary
		"--kubeconfig", s.kubeconfig, "get", "fotacallbacks", "-o", "wide")
	kubectl.Stdout, kubectl.Stderr = os.Stdout, os.Stderr
	_ = kubectl.Run()
}

func (s *stage) registerByHand(ctx context.Context, account, url string) error {
	body := strings.NewReader(fmt.Sprintf(`{"url":%q}`, url))
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, s.simulatorURL+"/simulator/registrations/"+account, body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// registered is what the simulator holds for an account; empty for nothing.
func (s *stage) registered(ctx context.Context, account string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.simulatorURL+"/simulator/registrations", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	var all map[string]string
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		return "", err
	}
	return all[account], nil
}
