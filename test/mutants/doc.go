// Command mutants shows that the perturbation harness bites: it bends one rule of the operator at a time and expects the harness to notice.
// It prints which promise each defect breaks, and writes that into docs/reliability.md.
package main
