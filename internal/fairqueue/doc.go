// Package fairqueue is a controller's work queue that namespaces share fairly. It has the semantics of controller-runtime's priority queue, whose place it takes, and
// three rules more: namespaces take turns within a priority; none holds more than three quarters of the workers; and a lower priority has every fourth turn, however
// much there is of a higher one.
package fairqueue
