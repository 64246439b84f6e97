package perturbation

import (
	"strings"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// spec is a spec that people may give the one object of a story; the account, which nobody can change, aside.
type spec = func(*v1alpha1.FotaCallback)

// validSpecs can be worked on.
var validSpecs = []spec{
	with(),
	with(changeURL),
	with(url(fleetURL + "/3")),
	with(url("https://FOTA.example.com:443/callbacks/east")),
	with(url("https://fota.example.com")),
	with(url("https://fota.example.com:8443/a?b=c")),
	with(warn),
	with(warn, changeURL),
	with(retain),
	with(retain, changeURL),
	with(ifUnregistered),
	with(ifUnregistered, changeURL),
	with(every5m),
	with(every5m, changeURL),
	with(suspend),
	with(suspend, changeURL),
	with(explicit),
}

// invalidSpecs are what a CRD older than the operator may let through.
var invalidSpecs = []spec{
	url(""), url("http://fota.example.com/"), url("fota.example.com"), url("https://"), url("https:///path"), url("https://user@fota.example.com/"),
	url("https://user:password@fota.example.com/"), url("https://fota.example.com/#fragment"), url("https://fota.example.com/ space"),
	url("https://fota.example.com/\n"), url("https://fota.example.com/\x00"), url("https://fota.example.com/ü"), url("https://fota.example.com:99999/"),
	url("https://fota.example.com:0x50/"), url(`https://fota.example.com\evil.example.net/`), url("ftp://fota.example.com/"), url("javascript:alert(1)"),
	url("https://?x=1"), url("https://#"), url("https://fota.example.com/" + strings.Repeat("a", 2048)),
	checkedEvery("30s"), checkedEvery("25h"), checkedEvery("3 days"), checkedEvery("-10m"), checkedEvery("ten minutes"),
}

func with(changes ...spec) spec {
	return func(o *v1alpha1.FotaCallback) {
		for _, change := range changes {
			change(o)
		}
	}
}

func url(url string) spec { return func(o *v1alpha1.FotaCallback) { o.Spec.URL = url } }

func checkedEvery(interval string) spec {
	return func(o *v1alpha1.FotaCallback) { o.Spec.Interval = interval }
}

func every5m(o *v1alpha1.FotaCallback) { o.Spec.Interval = "5m" }

// explicit writes the defaults out.
func explicit(o *v1alpha1.FotaCallback) {
	o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: v1alpha1.DefaultSecretName}
	o.Spec.AdoptionPolicy, o.Spec.DriftPolicy, o.Spec.DeletionPolicy = v1alpha1.AdoptionOverwrite, v1alpha1.DriftCorrect, v1alpha1.DeletionDeregister
	o.Spec.Interval = "10m"
}

// becomes gives the object a spec as if it had never had another.
func becomes(s spec) act {
	return user(func(w *world) {
		w.kube.edit("fleet", func(o *v1alpha1.FotaCallback) {
			fresh := callback("fleet", account, fleetURL)
			s(fresh)
			o.Spec = fresh.Spec
		})
	})
}
