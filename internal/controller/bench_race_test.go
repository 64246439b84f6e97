//go:build race

package controller_test

// The race detector lets pools forget at random, and what came from one is allocated anew: that is a twentieth more.
const underRace = 1.05
