package fairqueue

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/internal/turns"
)

// passesOver is how often in a row work of a higher priority goes before that of a lower one.
const passesOver = 3

// order holds what is to be worked on and says what is next. It is not safe for concurrent use.
type order[T comparable] struct {
	namespaceOf func(T) string
	// share is how many workers a namespace may hold.
	share   int
	items   map[T]*item[T]
	levels  []*level[T] // the highest first
	delayed delayed[T]
	running map[T]struct{}
	holding map[string]int
}

// item is work that nobody has begun. It is ready or delayed, and in the former case in its level's line unless its key is being worked on.
type item[T comparable] struct {
	key      T
	priority int
	readyAt  time.Time // zero where it is ready
	index    int       // among the delayed
	place    *turns.Place[*item[T]]
}

// level is what is ready of one priority.
type level[T comparable] struct {
	priority int
	ready    turns.Queue[*item[T]]
	// passedOver is how often in a row a higher one went first.
	passedOver int
}

func newOrder[T comparable](workers int, namespaceOf func(T) string) *order[T] {
	return &order[T]{
		namespaceOf: namespaceOf, share: max(workers*3/4, 1),
		items: map[T]*item[T]{}, running: map[T]struct{}{}, holding: map[string]int{},
	}
}

// add adds work that is ready at a time, zero for now. What is there already keeps the higher priority and the earlier time. raised reports
// whether it has become ready by that, and from which priority it was raised, if it was ready before.
func (o *order[T]) add(key T, priority int, readyAt time.Time) (becameReady bool, raisedFrom *int) {
	it := o.items[key]
	if it == nil {
		it = &item[T]{key: key, priority: priority, readyAt: readyAt}
		o.items[key] = it
		if !readyAt.IsZero() {
			heap.Push(&o.delayed, it)
			return false, nil
		}
		o.line(it)
		return true, nil
	}
	before, wasReady := it.priority, it.readyAt.IsZero()
	it.priority = max(before, priority)
	switch {
	case wasReady && it.priority != before:
		if it.place != nil {
			o.level(before).ready.Remove(it.place)
			o.line(it)
		}
		return false, &before
	case wasReady:
	case readyAt.IsZero():
		heap.Remove(&o.delayed, it.index)
		o.ready(it)
		return true, nil
	case readyAt.Before(it.readyAt):
		it.readyAt = readyAt
		heap.Fix(&o.delayed, it.index)
	}
	return false, nil
}

// promote makes the delayed work ready whose time has come, and returns it.
func (o *order[T]) promote(now time.Time) (ready []*item[T]) {
	for len(o.delayed) > 0 && !o.delayed[0].readyAt.After(now) {
		it := heap.Pop(&o.delayed).(*item[T])
		o.ready(it)
		ready = append(ready, it)
	}
	return ready
}

// next takes the work out that is next, which is being worked on from then on.
func (o *order[T]) next() (it *item[T], ok bool) {
	may := func(namespace string) bool { return o.holding[namespace] < o.share }
	for _, l := range o.levels {
		if l.passedOver >= passesOver {
			if it, ok = l.ready.Pop(may); ok {
				l.passedOver = 0
				return o.begin(it), true
			}
		}
	}
	for i, l := range o.levels {
		if it, ok = l.ready.Pop(may); ok {
			for _, lower := range o.levels[i+1:] {
				lower.passedOver = min(lower.passedOver+1, passesOver)
				if lower.ready.Len() == 0 {
					lower.passedOver = 0
				}
			}
			l.passedOver = 0
			return o.begin(it), true
		}
	}
	return nil, false
}

func (o *order[T]) begin(it *item[T]) *item[T] {
	delete(o.items, it.key)
	o.running[it.key] = struct{}{}
	o.holding[o.namespaceOf(it.key)]++
	return it
}

// done ends the work on a key, and lets what has been added for it meanwhile have its turn.
func (o *order[T]) done(key T) {
	if _, ok := o.running[key]; !ok {
		return
	}
	delete(o.running, key)
	namespace := o.namespaceOf(key)
	if o.holding[namespace]--; o.holding[namespace] == 0 {
		delete(o.holding, namespace)
	}
	if it := o.items[key]; it != nil && it.readyAt.IsZero() {
		o.line(it)
	}
}

// length is how much is ready, whether it may be handed out now or not.
func (o *order[T]) length() int { return len(o.items) - len(o.delayed) }

// nextDelayed is when the first of the delayed work is ready.
func (o *order[T]) nextDelayed() (at time.Time, ok bool) {
	if len(o.delayed) == 0 {
		return time.Time{}, false
	}
	return o.delayed[0].readyAt, true
}

func (o *order[T]) ready(it *item[T]) {
	it.readyAt = time.Time{}
	o.line(it)
}

// line puts work in line, unless its key is being worked on.
func (o *order[T]) line(it *item[T]) {
	it.place = nil
	if _, ok := o.running[it.key]; !ok {
		it.place = o.level(it.priority).ready.Push(it, o.namespaceOf(it.key))
	}
}

func (o *order[T]) level(priority int) *level[T] {
	i, ok := slices.BinarySearchFunc(o.levels, priority, func(l *level[T], priority int) int { return cmp.Compare(priority, l.priority) })
	if !ok {
		o.levels = slices.Insert(o.levels, i, &level[T]{priority: priority})
	}
	return o.levels[i]
}

// delayed is a heap by time.
type delayed[T comparable] []*item[T]

func (d delayed[T]) Len() int           { return len(d) }
func (d delayed[T]) Less(i, j int) bool { return d[i].readyAt.Before(d[j].readyAt) }
func (d delayed[T]) Swap(i, j int)      { d[i], d[j] = d[j], d[i]; d[i].index, d[j].index = i, j }
func (d *delayed[T]) Push(x any)        { x.(*item[T]).index = len(*d); *d = append(*d, x.(*item[T])) }
func (d *delayed[T]) Pop() any {
	last := len(*d) - 1
	it := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return it
}
