package turns

import "container/list"

// Queue is the queue. Its zero value is empty and ready; it is not safe for concurrent use.
type Queue[T any] struct {
	root  line[T]
	count int
}

// line holds either items, or the lines of those who take turns in it, the next one first.
type line[T any] struct {
	key    string
	parent *line[T]
	place  *list.Element // in the parent's turns
	lines  map[string]*line[T]
	turns  list.List
}

// Place is where an item stands in a queue.
type Place[T any] struct {
	line    *line[T]
	element *list.Element
}

// Push adds an item at the end of the line of its keys. All items of a queue have equally many, one at least.
func (q *Queue[T]) Push(item T, keys ...string) *Place[T] {
	at := &q.root
	for _, key := range keys {
		at = at.of(key)
	}
	q.count++
	return &Place[T]{line: at, element: at.turns.PushBack(item)}
}

// Pop takes the item out whose turn it is. Those whose first key may not, if may is given, are passed over and keep their turn.
func (q *Queue[T]) Pop(may func(key string) bool) (item T, ok bool) {
	for turn := q.root.turns.Front(); turn != nil; turn = turn.Next() {
		at := turn.Value.(*line[T])
		if may != nil && !may(at.key) {
			continue
		}
		for at.lines != nil {
			at = at.turns.Front().Value.(*line[T])
		}
		first := at.turns.Front()
		item = first.Value.(T)
		q.count--
		at.remove(first)
		at.endTurn()
		return item, true
	}
	return item, false
}

// Remove takes an item out that has not been popped or removed.
func (q *Queue[T]) Remove(place *Place[T]) {
	q.count--
	place.line.remove(place.element)
}

// Len is how many items the queue holds.
func (q *Queue[T]) Len() int { return q.count }

// of returns the line of one key, whose first turn comes after everybody else's.
func (l *line[T]) of(key string) *line[T] {
	if l.lines == nil {
		l.lines = map[string]*line[T]{}
	}
	child := l.lines[key]
	if child == nil {
		child = &line[T]{key: key, parent: l}
		child.place = l.turns.PushBack(child)
		l.lines[key] = child
	}
	return child
}

// remove takes an item out, and the lines that are empty without it.
func (l *line[T]) remove(element *list.Element) {
	l.turns.Remove(element)
	if l.turns.Len() == 0 && l.parent != nil {
		delete(l.parent.lines, l.key)
		l.parent.remove(l.place)
	}
}

// endTurn puts the lines that are left of those that had a turn behind all others.
func (l *line[T]) endTurn() {
	for ; l.parent != nil; l = l.parent {
		if l.turns.Len() > 0 {
			l.parent.turns.MoveToBack(l.place)
		}
	}
}
