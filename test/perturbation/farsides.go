package perturbation

import (
	"net/http"
	"slices"
	"strings"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// farSideKind is a ThingSpace that behaves in a way that its documents leave open.
type farSideKind struct {
	name   string
	change func(*world, *simulator.Options)
	// stories are those that are played once more at it.
	stories []string
}

var farSides = []farSideKind{
	{"that puts a slash at the end of URLs", func(w *world, o *simulator.Options) {
		w.rewrites = true
		o.Normalize = func(url string) string {
			path, query, asks := strings.Cut(url, "?")
			if path = strings.TrimSuffix(path, "/") + "/"; asks {
				return path + "?" + query
			}
			return path
		}
	}, []string{
		"create", "adopt an equal URL", "take over a foreign URL", "URL changed twice", "URL change of one that would not overwrite", "URL change of one that only warns", "URL change, then delete",
		"drift corrected", "drift to nothing", "stripped", "delete", "recreate with another URL", "two objects, one account, then hand-over",
		"suspend with another URL, then resume",
	}},
	{"that refuses to change what is not there", func(_ *world, o *simulator.Options) {
		o.UpdateMissing, o.DeregisterMissing, o.Nothing = http.StatusNotFound, http.StatusNotFound, simulator.Nothing404JSON
	}, []string{"create", "URL change, then drift to nothing", "drift corrected", "delete", "delete with the far side already empty", "two objects, one account, then hand-over"}},
	{"that keeps one session for each user", func(_ *world, o *simulator.Options) { o.SingleSession = true },
		[]string{"create", "URL change", "drift corrected", "delete", "session expiry"}},
}

// at is a story at another far side.
func (f farSideKind) at(s story) story {
	return story{name: s.name + ", at a ThingSpace " + f.name, setup: both(f.install, s.setup), acts: s.acts}
}

func (f farSideKind) install(w *world) {
	options := w.farOptions()
	f.change(w, &options)
	w.far = simulator.New(options)
}

// allStories are the stories, and some of them once more at each other far side.
func allStories() []story {
	all := slices.Clone(stories)
	for _, f := range farSides {
		for _, name := range f.stories {
			n := slices.IndexFunc(stories, func(s story) bool { return s.name == name })
			all = append(all, f.at(stories[n]))
		}
	}
	return all
}
