// Package stage sets up what the demo and the process tests play on: a real API server, the simulator and the operator, each a process of its own.
package stage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// Stage is an API server, a simulated ThingSpace, and folders for the rest.
type Stage struct {
	// Dir holds binaries, the kubeconfig and logs.
	Dir string
	// Kubeconfig is a cluster admin's.
	Kubeconfig string
	// Config is the same for clients.
	Config *rest.Config
	// Client is a user's client.
	Client client.Client
	// SimulatorURL is the simulator's, without a path.
	SimulatorURL string

	environment *envtest.Environment
	// restarted are the programs of the control plane that CrashControlPlane has started anew.
	restarted map[string]*Process
	simulator *Process
}

// Build builds the manager and the simulator into dir; root is the repository's.
func Build(ctx context.Context, root, dir string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./cmd/...") //nolint:gosec // our own folders
	build.Dir, build.Stderr = root, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the operator and the simulator: %w", err)
	}
	return nil
}

// New starts an API server with the CRD, and the simulator. Root is the repository's, dir holds what Build has built. Where it fails
// it leaves nothing running.
func New(ctx context.Context, root, dir string, simulatorArgs ...string) (*Stage, error) {
	s := &Stage{Dir: dir, restarted: map[string]*Process{}}
	err := s.startControlPlane(root)
	if err == nil {
		err = s.startSimulator(ctx, simulatorArgs)
	}
	if err != nil {
		s.TearDown()
		return nil, err
	}
	return s, nil
}

func (s *Stage) startControlPlane(root string) error {
	s.environment = &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root, "config/crd/bases")}, ErrorIfCRDPathMissing: true}
	var err error
	if s.Config, err = s.environment.Start(); err != nil {
		return fmt.Errorf("start the control plane (KUBEBUILDER_ASSETS=%s): %w", os.Getenv("KUBEBUILDER_ASSETS"), err)
	}
	s.Config.QPS = -1
	user, err := s.environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return err
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return err
	}
	s.Kubeconfig = filepath.Join(s.Dir, "kubeconfig")
	if err := os.WriteFile(s.Kubeconfig, kubeconfig, 0o600); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	s.Client, err = client.New(s.Config, client.Options{Scheme: scheme})
	return err
}

func (s *Stage) startSimulator(ctx context.Context, args []string) error {
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // read to the end of what counts
	s.simulator, err = s.start("thingspace-simulator", in, append([]string{"--listen=127.0.0.1:0"}, args...))
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the simulator did not start: %w", err)
	}
	_, base, _ := strings.Cut(line, " at ")
	s.SimulatorURL = strings.TrimSuffix(strings.TrimSpace(base), "/api")
	return ctx.Err()
}

// LoginRecordName is that of the ConfigMap in which operators count logins, and LoginRecordNamespace its namespace outside of a cluster.
const (
	LoginRecordName      = "fota-callback-operator-logins"
	LoginRecordNamespace = "default"
)

// ForgetLogins removes the login record from a namespace. Another operator may sign in at once then, where it would have to wait for the user's minute.
func (s *Stage) ForgetLogins(ctx context.Context, namespace string) error {
	record := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: LoginRecordName}}
	return client.IgnoreNotFound(s.Client.Delete(ctx, record))
}

// StartOperator starts a manager against the stage, as a cluster admin unless args say otherwise. Its log goes to the end of operator.log.
func (s *Stage) StartOperator(args ...string) (*Process, error) {
	file, err := os.OpenFile(s.OperatorLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // the process has its own
	return s.start("manager", file, append([]string{
		"--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0",
		"--thingspace-url=" + s.SimulatorURL + "/api", "--thingspace-allow-http", "--kubeconfig=" + s.Kubeconfig,
	}, args...))
}

// OperatorLog is the path of the log.
func (s *Stage) OperatorLog() string { return filepath.Join(s.Dir, "operator.log") }

// TearDown ends the simulator and the API server.
func (s *Stage) TearDown() {
	if s.simulator != nil {
		_ = s.simulator.Stop()
	}
	for _, process := range s.restarted {
		process.Kill()
	}
	if s.environment != nil {
		_ = s.environment.Stop()
	}
}

// Process is a program that runs.
type Process struct {
	command *exec.Cmd
	ended   chan struct{}
	err     error
}

func (s *Stage) start(name string, out *os.File, args []string) (*Process, error) {
	command := exec.Command(filepath.Join(s.Dir, name), args...) //nolint:gosec,noctx // our own binary; it is ended in order
	command.Stdout, command.Stderr = out, out
	return launch(command)
}

func launch(command *exec.Cmd) (*Process, error) {
	// Ctrl-C is for who runs the stage, and who ends its processes in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &Process{command: command, ended: make(chan struct{})}
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Pid is the process's id.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Kill ends the process as a crash does, and waits until it has.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// Freeze stops the process in its tracks until Thaw, as a machine does that swaps or migrates.
func (p *Process) Freeze() { _ = p.command.Process.Signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (p *Process) Thaw() { _ = p.command.Process.Signal(syscall.SIGCONT) }

// Stop asks the process to end, and returns how it did; after 15 s it is killed.
func (p *Process) Stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return p.err
	case <-time.After(15 * time.Second):
		p.Kill()
		return errors.New("it did not end within 15s and was killed")
	}
}

// Simulator calls the simulator's administration, for example PUT registrations/acc-1. Into may be nil.
func (s *Stage) Simulator(ctx context.Context, method, path, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, s.SimulatorURL+"/simulator/"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it has been read as far as it counts
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("simulator: %s %s: %s", method, path, response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// Registrations are what the simulator holds, by account.
func (s *Stage) Registrations(ctx context.Context) (map[string]string, error) {
	var all map[string]string
	err := s.Simulator(ctx, http.MethodGet, "registrations", "", &all)
	return all, err
}
