package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// A cache that is known to be complete up to so short a time ago is as good as the API: among many deletions, each of which would have the API server
// go through all objects, it hardly ever is not.
const cacheServes = time.Second

// survey finds the object's place among those that name its account as the Kubernetes API has them now. A cache that lags behind may not show yet
// who else has claimed the account, or who is to take it over; then the pass ends, and runs again when it does.
func (p *pass) survey(ctx context.Context) error {
	peers, err := p.currentPeers(ctx, p.facts.Object)
	if err != nil {
		return err
	}
	before := p.facts.Standing
	p.stand(peers)
	if !p.facts.Standing.Same(before) {
		return errStaleCache
	}
	p.facts.Surveyed = true
	return nil
}

// stand finds the object's place among peers, by what is known now.
func (p *pass) stand(peers []rules.Candidate) {
	o := p.facts.Object
	listed := p.facts.Listing != nil || p.facts.Memory.ListingCounts(o.Generation, p.facts.Now)
	p.peers, p.facts.Standing = peers, rules.Stand(rules.Candidate{Object: o, Listed: listed}, peers)
}

// currentPeers are the other objects that name the account, from the cache where that is current, and past it otherwise.
func (p *pass) currentPeers(ctx context.Context, object *v1alpha1.FotaCallback) ([]rules.Candidate, error) {
	// Each of several namespaces has a cache of its own, and one says nothing about the others.
	current := len(p.Namespaces) <= 1 && p.Clock.Since(p.cache.completeUpTo()) <= cacheServes
	cached, err := p.peersOf(ctx, object)
	if err != nil || current {
		return cached, err
	}
	peers, err := p.livePeers(ctx, object)
	if err != nil {
		return nil, err
	}
	for _, peer := range cached {
		// The API selects by the account as it is written; whoever writes it in another letter case is known from the cache alone.
		if peer.Object.Spec.Account != object.Spec.Account {
			peers = append(peers, peer)
		}
	}
	return peers, nil
}

func (p *pass) livePeers(ctx context.Context, object *v1alpha1.FotaCallback) ([]rules.Candidate, error) {
	var peers []rules.Candidate
	for _, namespace := range orAll(p.Namespaces) {
		var list v1alpha1.FotaCallbackList
		err := p.Live.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{"spec.account": object.Spec.Account})
		if err != nil {
			return nil, p.kubernetesError("look up who else names the account", err)
		}
		for i := range list.Items {
			if peer := &list.Items[i]; peer.UID != object.UID {
				peers = append(peers, p.states.candidate(peer, p.facts.Now))
			}
		}
	}
	return peers, nil
}

// orAll are the namespaces to list: the one without a name stands for all.
func orAll(namespaces []string) []string {
	if len(namespaces) == 0 {
		return []string{metav1.NamespaceAll}
	}
	return namespaces
}
