package chart_test

import (
	"maps"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type typeSchemas = map[reflect.Type]map[string]any

// simple are the types that JSON shows as one word. Those that Kubernetes has a list of words for take no other; an empty one where it means something.
var simple = func() typeSchemas {
	all := typeSchemas{
		reflect.TypeFor[string]():               {"type": "string"},
		reflect.TypeFor[corev1.ResourceName]():  {"type": "string"},
		reflect.TypeFor[corev1.Capability]():    {"type": "string", "pattern": "^[A-Za-z_]+$"},
		reflect.TypeFor[corev1.StorageMedium](): {"type": "string", "pattern": "^(Memory|HugePages(-.+)?)?$"},
		reflect.TypeFor[resource.Quantity]():    {"$ref": "#/$defs/quantity"},
		reflect.TypeFor[intstr.IntOrString]():   {"type": []string{"integer", "string"}, "minimum": 0, "pattern": "^[0-9]+%$"},
		// In a pod there is metadata in the template of an ephemeral volume alone, which takes no more than this.
		reflect.TypeFor[metav1.ObjectMeta](): {"$ref": "#/$defs/metadata"},
	}
	for _, words := range []typeSchemas{
		oneOf(appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType),
		oneOf(corev1.AppArmorProfileTypeLocalhost, corev1.AppArmorProfileTypeRuntimeDefault, corev1.AppArmorProfileTypeUnconfined),
		oneOf(corev1.AzureDataDiskCachingNone, corev1.AzureDataDiskCachingReadOnly, corev1.AzureDataDiskCachingReadWrite),
		oneOf(corev1.AzureDedicatedBlobDisk, corev1.AzureManagedDisk, corev1.AzureSharedBlobDisk),
		oneOf(corev1.HostPathUnset, corev1.HostPathBlockDev, corev1.HostPathCharDev, corev1.HostPathDirectory, corev1.HostPathDirectoryOrCreate,
			corev1.HostPathFile, corev1.HostPathFileOrCreate, corev1.HostPathSocket),
		oneOf(corev1.MountPropagationBidirectional, corev1.MountPropagationHostToContainer, corev1.MountPropagationNone),
		oneOf(corev1.NodeInclusionPolicyHonor, corev1.NodeInclusionPolicyIgnore),
		oneOf(corev1.NodeSelectorOpDoesNotExist, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpIn, corev1.NodeSelectorOpLt,
			corev1.NodeSelectorOpNotIn),
		oneOf(corev1.ReadOnlyMany, corev1.ReadWriteMany, corev1.ReadWriteOnce, corev1.ReadWriteOncePod),
		oneOf(corev1.PersistentVolumeBlock, corev1.PersistentVolumeFilesystem),
		oneOf(corev1.FSGroupChangeAlways, corev1.FSGroupChangeOnRootMismatch),
		oneOf(corev1.SELinuxChangePolicyMountOption, corev1.SELinuxChangePolicyRecursive),
		oneOf(corev1.DefaultProcMount, corev1.UnmaskedProcMount),
		oneOf("", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever),
		oneOf(corev1.RecursiveReadOnlyDisabled, corev1.RecursiveReadOnlyEnabled, corev1.RecursiveReadOnlyIfPossible),
		oneOf(corev1.SeccompProfileTypeLocalhost, corev1.SeccompProfileTypeRuntimeDefault, corev1.SeccompProfileTypeUnconfined),
		oneOf(corev1.SupplementalGroupsPolicyMerge, corev1.SupplementalGroupsPolicyStrict),
		oneOf("", corev1.TaintEffectNoExecute, corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule),
		oneOf("", corev1.TolerationOpEqual, corev1.TolerationOpExists, corev1.TolerationOpGt, corev1.TolerationOpLt),
		oneOf(corev1.DoNotSchedule, corev1.ScheduleAnyway),
		oneOf(metav1.LabelSelectorOpDoesNotExist, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn),
	} {
		maps.Copy(all, words)
	}
	return all
}()

func oneOf[T ~string](words ...T) typeSchemas {
	return typeSchemas{reflect.TypeFor[T](): {"enum": words}}
}
