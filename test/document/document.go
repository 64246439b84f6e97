// Package document writes generated sections into documents, between two comments that name them, and reads the commands that documents tell people to run.
package document

import (
	"fmt"
	"os"
	"strings"
)

// Section returns what stands in a generated section of a document, between `<!-- begin name -->` and `<!-- end name -->`.
func Section(file, name string) (string, error) {
	_, section, _, err := parts(file, name)
	return section, err
}

// Replace gives a generated section of a document new text, which ends with a line break.
func Replace(file, name, text string) error {
	before, _, after, err := parts(file, name)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(before+text+after), 0o644) //nolint:gosec // a document, for everybody to read
}

func parts(file, name string) (before, section, after string, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", "", "", err
	}
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	before, rest, begins := strings.Cut(string(content), begin)
	section, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return "", "", "", fmt.Errorf("%s has no section named %s", file, name)
	}
	return before + begin, section, end + after, nil
}
