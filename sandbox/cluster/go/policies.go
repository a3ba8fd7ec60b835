package main

import (
	"fmt"
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// end is one side of a connection; without a pod it is no pod of this cluster.
type end struct {
	address   netip.Addr
	pod       *v1.Pod
	namespace labels.Set // of the pod's namespace
}

// target is what a pod connects to.
type target struct {
	end
	protocol v1.Protocol
	port     int32
}

// rule is one of a policy's, of either direction.
type rule struct {
	peers []networking.NetworkPolicyPeer
	ports []networking.NetworkPolicyPort
}

// allowed tells whether a pod may begin a connection: by the policies of its own egress and of the other's ingress
// (Kubernetes, "Network Policies"). A pod always reaches itself. An error names what can't be judged here.
func allowed(policies []*networking.NetworkPolicy, from end, to target) (bool, error) {
	if to.address == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || to.pod != nil && to.pod.UID == from.pod.UID {
		return true, nil
	}
	leaves, err := permitted(policies, networking.PolicyTypeEgress, from, to.end, to)
	if err != nil || !leaves || to.pod == nil {
		return leaves, err
	}
	return permitted(policies, networking.PolicyTypeIngress, to.end, from, to)
}

// permitted asks the policies that select `own`: without one everything is allowed, otherwise what a rule lists.
func permitted(policies []*networking.NetworkPolicy, direction networking.PolicyType, own, other end, to target) (bool, error) {
	if own.pod.Spec.HostNetwork {
		return true, nil
	}
	isolated := false
	for _, policy := range policies {
		if policy.Namespace != own.pod.Namespace || !slices.Contains(policy.Spec.PolicyTypes, direction) {
			continue
		}
		selected, err := matches(&policy.Spec.PodSelector, own.pod.Labels)
		if err != nil {
			return false, fmt.Errorf("policy %s: %w", policy.Name, err)
		}
		if !selected {
			continue
		}
		isolated = true
		for _, r := range rulesOf(policy, direction) {
			fits, err := r.fits(policy.Namespace, other, to)
			if err != nil {
				return false, fmt.Errorf("policy %s: %w", policy.Name, err)
			}
			if fits {
				return true, nil
			}
		}
	}
	return !isolated, nil
}

func rulesOf(policy *networking.NetworkPolicy, direction networking.PolicyType) (rules []rule) {
	if direction == networking.PolicyTypeEgress {
		for _, r := range policy.Spec.Egress {
			rules = append(rules, rule{r.To, r.Ports})
		}
		return rules
	}
	for _, r := range policy.Spec.Ingress {
		rules = append(rules, rule{r.From, r.Ports})
	}
	return rules
}

// fits tells whether a rule lists the connection; an empty list of peers or ports lists all of them.
func (r rule) fits(namespace string, other end, to target) (bool, error) {
	if len(r.ports) > 0 && !slices.ContainsFunc(r.ports, to.hasPort) {
		return false, nil
	}
	for _, peer := range r.peers {
		if fits, err := other.isPeer(peer, namespace); fits || err != nil {
			return fits, err
		}
	}
	return len(r.peers) == 0, nil
}

func (t target) hasPort(listed networking.NetworkPolicyPort) bool {
	protocol := v1.ProtocolTCP
	if listed.Protocol != nil {
		protocol = *listed.Protocol
	}
	switch {
	case protocol != t.protocol:
		return false
	case listed.Port == nil:
		return true
	case listed.Port.Type == intstr.String:
		return t.pod != nil && slices.ContainsFunc(t.pod.Spec.Containers, func(c v1.Container) bool {
			return slices.ContainsFunc(c.Ports, func(p v1.ContainerPort) bool {
				return p.Name == listed.Port.StrVal && p.ContainerPort == t.port && p.Protocol == t.protocol
			})
		})
	case listed.EndPort != nil:
		return listed.Port.IntVal <= t.port && t.port <= *listed.EndPort
	}
	return listed.Port.IntVal == t.port
}

func (e end) isPeer(peer networking.NetworkPolicyPeer, namespace string) (bool, error) {
	if peer.IPBlock != nil {
		return e.isIn(*peer.IPBlock)
	}
	if e.pod == nil {
		return false, nil
	}
	if peer.NamespaceSelector == nil {
		if e.pod.Namespace != namespace {
			return false, nil
		}
	} else if fits, err := matches(peer.NamespaceSelector, e.namespace); !fits || err != nil {
		return false, err
	}
	if peer.PodSelector == nil {
		return true, nil
	}
	return matches(peer.PodSelector, e.pod.Labels)
}

func (e end) isIn(block networking.IPBlock) (bool, error) {
	inside, err := contains(block.CIDR, e.address)
	for _, except := range block.Except {
		out, problem := contains(except, e.address)
		if err == nil {
			err = problem
		}
		inside = inside && !out
	}
	return inside && err == nil, err
}

func contains(cidr string, address netip.Addr) (bool, error) {
	prefix, err := netip.ParsePrefix(cidr)
	return err == nil && prefix.Contains(address), err
}

func matches(selector *metav1.LabelSelector, set labels.Set) (bool, error) {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(set), err
}
