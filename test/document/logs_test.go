package document_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples of the log are lines that the operator writes, but for their values.
func TestLogExamples(t *testing.T) {
	page, err := os.ReadFile(root + "docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	files, err := filepath.Glob(root + "cmd/manager/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			code.Write(text)
		}
	}
	joined := regexp.MustCompile(`" ?\+\s+"`).ReplaceAllString(code.String(), "") // a message may go over two lines
	examples := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		examples++
		fields := map[string]string{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%v: %s", err, line)
			continue
		}
		if !strings.Contains(joined, `"`+fields["msg"]+`"`) {
			t.Errorf("the operator does not log %q", fields["msg"])
		}
		for name := range fields {
			if name != "level" && name != "ts" && name != "msg" && name != "error" && !strings.Contains(joined, `"`+name+`"`) && name != "logger" {
				t.Errorf("the operator logs no %q", name)
			}
		}
		if logger := fields["logger"]; logger != "" && !strings.Contains(joined, `WithName("`+logger+`")`) {
			t.Errorf("the operator has no logger %q", logger)
		}
	}
	if examples < 6 {
		t.Errorf("only %d examples", examples)
	}
}
