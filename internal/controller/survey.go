package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// survey finds the object's place among those that name its account as the Kubernetes API has them now. A cache that lags behind may not show yet
// who else has claimed the account, or who is to take it over; then the pass ends, and runs again when it does.
func (p *pass) survey(ctx context.Context) error {
	object := p.facts.Object
	peers, err := p.livePeers(ctx, object)
	if err != nil {
		return err
	}
	cached, err := p.peersOf(ctx, object)
	if err != nil {
		return err
	}
	for _, peer := range cached {
		// The API selects by the account as it is written; whoever writes it in another letter case is known from the cache alone.
		if peer.Spec.Account != object.Spec.Account {
			peers = append(peers, peer)
		}
	}
	standing := rules.Stand(object, peers)
	if !standing.SamePlace(p.facts.Standing) {
		return errStaleCache
	}
	p.facts.Standing, p.facts.Surveyed = standing, true
	return nil
}

func (p *pass) livePeers(ctx context.Context, object *v1alpha1.FotaCallback) ([]*v1alpha1.FotaCallback, error) {
	namespaces := p.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{"" /* all */}
	}
	var peers []*v1alpha1.FotaCallback
	for _, namespace := range namespaces {
		var list v1alpha1.FotaCallbackList
		err := p.Live.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{"spec.account": object.Spec.Account})
		if err != nil {
			return nil, p.kubernetesError("look up who else names the account", err)
		}
		for i := range list.Items {
			if peer := &list.Items[i]; peer.UID != object.UID {
				peers = append(peers, peer)
			}
		}
	}
	return peers, nil
}
