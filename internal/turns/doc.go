// Package turns is a queue whose items take turns: by their first key, then by their second, and so on, and in the order of their arrival where all keys are equal.
// Whoever waits with many items delays another by one turn.
package turns
