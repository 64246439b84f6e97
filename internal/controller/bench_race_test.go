//go:build race

package controller_test

// The race detector lets pools forget at random: what came from one is allocated anew.
const detected = 1.1
