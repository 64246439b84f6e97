// Package perturbation runs the real controller and the real ThingSpace client, in process and on a virtual clock, through every fault that can be
// generated from what they do undisturbed: crashes before and after each effect, lost answers, refused writes, wrong answers,
// and somebody else's changes in each gap. Oracles judge every effect and the end.
package perturbation
