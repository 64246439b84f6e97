package stage

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// CrashControlPlane kills a program of the control plane ("etcd" or "kube-apiserver") as a crash does, and returns what starts it again as it was.
// It finds the program in /proc, so it works on Linux alone.
func (s *Stage) CrashControlPlane(program string) (restart func() error, err error) {
	mark := "--secure-port=" + s.environment.ControlPlane.APIServer.Port
	if program == "etcd" {
		mark = "--data-dir=" + s.environment.ControlPlane.Etcd.DataDir
	}
	pid, arguments, err := find(program, mark)
	if err != nil {
		return nil, err
	}
	if old := s.restarted[program]; old != nil {
		old.Kill()
	} else if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("kill %s: %w", program, err)
	}
	return func() error {
		command := exec.Command(arguments[0], arguments[1:]...) //nolint:gosec,noctx // what ran before; it is ended in order
		process, err := launch(command)
		if err != nil {
			return err
		}
		s.restarted[program] = process
		return nil
	}, nil
}

// find looks for a running program with an argument.
func find(program, argument string) (pid int, arguments []string, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		arguments := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		if filepath.Base(arguments[0]) == program && bytes.Contains(text, []byte(argument+"\x00")) {
			_, err := fmt.Sscanf(file, "/proc/%d/cmdline", &pid)
			return pid, arguments, err
		}
	}
	return 0, nil, fmt.Errorf("%s with %s does not run", program, argument)
}
