package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

const longestBackoff = 10 * time.Second // the real one is 300 s

type pod struct {
	kubelet  *kubelet
	object   *v1.Pod
	stopped  context.Context // done once the pod must end
	cancel   context.CancelFunc
	mu       sync.Mutex
	grace    time.Duration
	deadline atomic.Bool // activeDeadlineSeconds passed
	status   v1.PodStatus
	envs     map[string][]string
	mounted  map[string][]mount
	volumes  volumes
	ip       address
}

func newPod(k *kubelet, object *v1.Pod, ip address) *pod {
	p := &pod{kubelet: k, object: object, envs: map[string][]string{}, mounted: map[string][]mount{}, ip: ip}
	p.stopped, p.cancel = context.WithCancel(context.Background())
	p.grace = 30 * time.Second
	now := metav1.Now()
	p.status = v1.PodStatus{
		Phase: v1.PodPending, HostIP: k.address, HostIPs: []v1.HostIP{{IP: k.address}},
		PodIP: ip.ip, PodIPs: []v1.PodIP{{IP: ip.ip}}, StartTime: &now,
		InitContainerStatuses: waiting(object.Spec.InitContainers, object.Status.InitContainerStatuses, "PodInitializing"),
		ContainerStatuses:     waiting(object.Spec.Containers, object.Status.ContainerStatuses, "ContainerCreating"),
	}
	return p
}

// waiting makes the statuses of containers not started yet; one that ran under an earlier kubelet counts as killed.
func waiting(containers []v1.Container, earlier []v1.ContainerStatus, reason string) []v1.ContainerStatus {
	var statuses []v1.ContainerStatus
	for _, c := range containers {
		status := v1.ContainerStatus{Name: c.Name, Image: c.Image, Started: new(bool)}
		status.State.Waiting = &v1.ContainerStateWaiting{Reason: reason}
		for _, old := range earlier {
			if old.Name == c.Name && old.State.Running != nil {
				status.RestartCount = old.RestartCount + 1
				status.LastTerminationState.Terminated = &v1.ContainerStateTerminated{
					ExitCode: 137, Reason: "Error", StartedAt: old.State.Running.StartedAt, FinishedAt: metav1.Now(), ContainerID: old.ContainerID,
				}
			}
		}
		statuses = append(statuses, status)
	}
	return statuses
}

// stop ends the pod; a shorter grace than an earlier one takes effect too.
func (p *pod) stop(grace time.Duration) {
	p.mu.Lock()
	p.grace = min(grace, p.grace)
	if p.stopped.Err() == nil {
		p.grace = grace
	}
	p.mu.Unlock()
	p.cancel()
}

func (p *pod) run() {
	defer func() { _ = p.ip.Close() }()
	defer func() { _ = os.RemoveAll(p.volumeFolder()) }()
	if seconds := p.object.Spec.ActiveDeadlineSeconds; seconds != nil {
		timer := time.AfterFunc(time.Duration(*seconds)*time.Second, func() { p.deadline.Store(true); p.cancel() })
		defer timer.Stop()
	}
	p.update(func(*v1.PodStatus) {})
	ok := true
	for _, c := range p.object.Spec.InitContainers {
		policy := p.object.Spec.RestartPolicy
		if policy == v1.RestartPolicyAlways {
			policy = v1.RestartPolicyOnFailure
		}
		ok = ok && p.supervise(c, policy) == 0 && p.stopped.Err() == nil
	}
	var containers sync.WaitGroup
	for _, c := range p.object.Spec.Containers {
		if ok {
			containers.Go(func() { p.supervise(c, p.object.Spec.RestartPolicy) })
		}
	}
	containers.Wait()
	p.update(func(status *v1.PodStatus) {
		status.Phase = v1.PodSucceeded
		for _, c := range status.ContainerStatuses {
			if c.State.Terminated == nil || c.State.Terminated.ExitCode != 0 {
				status.Phase = v1.PodFailed
			}
		}
		if p.deadline.Load() {
			status.Phase, status.Reason = v1.PodFailed, "DeadlineExceeded"
		}
	})
	<-p.stopped.Done() // a pod that ended by itself stays until its object is deleted
	if !p.deadline.Load() && !p.kubelet.stopping.Load() {
		p.kubelet.remove(p.object)
	}
}

// supervise runs a container until it ends for good and returns its last exit code.
func (p *pod) supervise(c v1.Container, policy v1.RestartPolicy) int32 {
	var pause time.Duration
	for {
		begun := time.Now()
		code := p.runOnce(c)
		if p.stopped.Err() != nil || policy == v1.RestartPolicyNever || policy == v1.RestartPolicyOnFailure && code == 0 {
			return code
		}
		if time.Since(begun) > 10*longestBackoff {
			pause = 0
		}
		if pause > 0 {
			p.container(c.Name, func(status *v1.ContainerStatus) {
				status.LastTerminationState, status.State = status.State, v1.ContainerState{Waiting: &v1.ContainerStateWaiting{
					Reason:  "CrashLoopBackOff",
					Message: fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", pause, c.Name, p.object.Name, p.object.Namespace, p.object.UID),
				}}
			})
			p.event(v1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s", c.Name, p.object.Name)
		}
		select {
		case <-time.After(pause):
		case <-p.stopped.Done():
			return code
		}
		pause = min(max(2*pause, time.Second), longestBackoff)
		p.container(c.Name, func(status *v1.ContainerStatus) {
			if status.State.Terminated != nil {
				status.LastTerminationState = status.State
			}
			status.RestartCount++
		})
	}
}

// container changes the status of one container and publishes it.
func (p *pod) container(name string, change func(*v1.ContainerStatus)) {
	p.update(func(status *v1.PodStatus) {
		for _, list := range [][]v1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
			if i := slices.IndexFunc(list, func(s v1.ContainerStatus) bool { return s.Name == name }); i >= 0 {
				change(&list[i])
			}
		}
	})
}

func (p *pod) restarts(name string) (count int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, status := range append(slices.Clone(p.status.InitContainerStatuses), p.status.ContainerStatuses...) {
		if status.Name == name {
			count = status.RestartCount
		}
	}
	return count
}

func (p *pod) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status.Phase == v1.PodSucceeded || p.status.Phase == v1.PodFailed
}

// update changes the pod's status, derives phase and conditions, and writes it to the API server.
func (p *pod) update(change func(*v1.PodStatus)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	status := &p.status
	change(status)
	initialized, ready := true, true
	for _, c := range status.InitContainerStatuses {
		initialized = initialized && c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
	}
	for _, c := range status.ContainerStatuses {
		ready = ready && c.Ready
		if c.State.Running != nil && status.Phase == v1.PodPending {
			status.Phase = v1.PodRunning
		}
	}
	p.condition(v1.PodInitialized, initialized, "ContainersNotInitialized")
	p.condition(v1.ContainersReady, ready, "ContainersNotReady")
	p.condition(v1.PodReady, ready, "ContainersNotReady")
	if p.kubelet.stopping.Load() {
		return
	}
	patch, err := p.statusPatch()
	if err == nil {
		_, err = p.kubelet.client.CoreV1().Pods(p.object.Namespace).Patch(context.Background(), p.object.Name,
			types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	}
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		klog.ErrorS(err, "status", "pod", klog.KObj(p.object))
	}
}

// statusPatch replaces the lists of addresses: merged by address, an address that changed would be a second one.
func (p *pod) statusPatch() ([]byte, error) {
	content, err := json.Marshal(p.status)
	if err != nil {
		return nil, err
	}
	status := map[string]any{}
	if err := json.Unmarshal(content, &status); err != nil {
		return nil, err
	}
	for _, list := range []string{"podIPs", "hostIPs"} {
		status[list] = append([]any{map[string]any{"$patch": "replace"}}, status[list].([]any)...)
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.object.UID}, "status": status})
}

func (p *pod) condition(kind v1.PodConditionType, value bool, reason string) {
	wanted := v1.PodCondition{Type: kind, Status: v1.ConditionTrue, LastTransitionTime: metav1.Now()}
	if !value {
		wanted.Status, wanted.Reason = v1.ConditionFalse, reason
	}
	for i, c := range p.status.Conditions {
		if c.Type == kind {
			if c.Status != wanted.Status {
				p.status.Conditions[i] = wanted
			}
			return
		}
	}
	p.status.Conditions = append(p.status.Conditions, wanted)
}

func (p *pod) event(kind, reason, format string, arguments ...any) {
	p.kubelet.recorder.Eventf(p.object, kind, reason, format, arguments...)
}
