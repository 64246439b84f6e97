package document

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// fence is a block of shell in Markdown; within a list it stands as far in as the list's text.
var fence = regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```$")

// Shell returns the blocks of shell under one heading of a document, up to the next heading of any level.
func Shell(file, heading string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	_, under, found := strings.Cut(string(content), "# "+heading+"\n")
	if !found {
		return nil, fmt.Errorf("%s has no heading %q", file, heading)
	}
	under, _, _ = strings.Cut(under, "\n#")
	var blocks []string
	for _, block := range fence.FindAllStringSubmatch(under, -1) {
		blocks = append(blocks, strings.TrimPrefix(strings.ReplaceAll("\n"+block[2], "\n"+block[1], "\n"), "\n"))
	}
	return blocks, nil
}

// Commands are the commands of a block, in their order. One goes on over a line that ends with a backslash, and over what it reads up to EOF.
func Commands(block string) []string {
	var all []string
	reading, goesOn := false, false
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case reading || goesOn:
			all[len(all)-1] += "\n" + line
		case strings.TrimSpace(line) == "":
			continue
		default:
			all = append(all, line)
		}
		reading = reading && line != "EOF" || strings.HasSuffix(line, "<<EOF")
		goesOn = !reading && strings.HasSuffix(line, `\`)
	}
	return all
}
