package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	clientv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

const nodeName = "sandbox"

// kubelet binds every pod to the one node and runs its containers as processes of this machine.
type kubelet struct {
	client    kubernetes.Interface
	recorder  record.EventRecorder
	pki       *pki
	dir       string // state of this cluster
	root      string // logs of the containers
	address   string
	port      int
	workdir   string
	images    images
	addresses addresses
	starts    chan func() // run on one locked thread: a child dies with the thread that started it

	mu       sync.Mutex
	pods     map[types.UID]*pod
	stopping atomic.Bool // the cluster stops: the API keeps what it knows, and a later start takes it up
	running  sync.WaitGroup
}

func newKubelet(client kubernetes.Interface, pki *pki, s settings, table images) *kubelet {
	events := record.NewBroadcaster()
	events.StartRecordingToSink(&clientv1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return &kubelet{
		client: client, pki: pki, dir: s.dir, root: filepath.Join(s.dir, "pods"), address: s.address, port: s.port + 1,
		workdir: s.workdir, images: table, addresses: newAddresses(s.dir), starts: make(chan func()), pods: map[types.UID]*pod{},
		recorder: events.NewRecorder(scheme.Scheme, v1.EventSource{Component: "kubelet", Host: nodeName}),
	}
}

// run returns once ctx is done and every process has ended.
func (k *kubelet) run(ctx context.Context) error {
	filtered := make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		listener, err := filterConnections()
		if err != nil {
			listener = -1
			klog.ErrorS(err, "network policies are not played: the kernel asks nobody about connections")
		}
		filtered <- listener
		for start := range k.starts {
			start()
		}
	}()
	if err := os.RemoveAll(k.volumes()); err != nil { // of pods that ended with a killed kubelet
		return err
	}
	if err := k.serve(ctx); err != nil {
		return err
	}
	if err := k.register(ctx); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(k.client, 0)
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.sync(object.(*v1.Pod)) },
		UpdateFunc: func(_, object any) { k.sync(object.(*v1.Pod)) },
		DeleteFunc: func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			k.forget(object.(*v1.Pod).UID)
		},
	})
	if err != nil {
		return err
	}
	guard := &guard{
		kubelet: k, policies: factory.Networking().V1().NetworkPolicies().Lister(),
		pods: factory.Core().V1().Pods().Lister(), namespaces: factory.Core().V1().Namespaces().Lister(),
	}
	if guard.hole, err = digHole(k.address, k.port+1); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if listener := <-filtered; listener >= 0 {
		go guard.serve(listener)
	}
	<-ctx.Done()
	k.mu.Lock()
	k.stopping.Store(true)
	for _, p := range k.pods {
		p.stop(5 * time.Second)
	}
	k.mu.Unlock()
	k.running.Wait()
	return nil
}

// launch starts a process of a pod, on the one thread whose children's connections are judged.
func (k *kubelet) launch(command *exec.Cmd) error {
	started := make(chan error)
	k.starts <- func() { started <- command.Start() }
	return <-started
}

// complete starts a process of a pod and waits for its end.
func (k *kubelet) complete(command *exec.Cmd) error {
	if err := k.launch(command); err != nil {
		return err
	}
	return command.Wait()
}

func (k *kubelet) register(ctx context.Context) error {
	now := metav1.Now()
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: nodeName, Labels: map[string]string{"kubernetes.io/hostname": nodeName}},
	}
	if _, err := k.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	status := v1.NodeStatus{
		Addresses:       []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: k.address}},
		DaemonEndpoints: v1.NodeDaemonEndpoints{KubeletEndpoint: v1.DaemonEndpoint{Port: int32(k.port)}},
		NodeInfo:        v1.NodeSystemInfo{KubeletVersion: "v1.36.3-sandbox", OSImage: "processes", OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH},
		Conditions: []v1.NodeCondition{{
			Type: v1.NodeReady, Status: v1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now,
		}},
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().Nodes().PatchStatus(ctx, nodeName, patch)
	return err
}

// sync binds a new pod, starts one that is bound, and stops one that is being deleted.
func (k *kubelet) sync(object *v1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, known := k.pods[object.UID]
	ended := object.Status.Phase == v1.PodSucceeded || object.Status.Phase == v1.PodFailed
	switch {
	case k.stopping.Load():
	case object.DeletionTimestamp != nil && known:
		p.stop(time.Duration(*object.DeletionGracePeriodSeconds) * time.Second)
	case object.DeletionTimestamp != nil:
		go k.remove(object)
	case object.Spec.NodeName == "" && len(object.Spec.SchedulingGates) == 0:
		go k.bind(object)
	case object.Spec.NodeName == nodeName && !known && !ended:
		p := newPod(k, object, k.addresses.take(object.Status.PodIP))
		k.pods[object.UID] = p
		k.running.Go(p.run)
	}
}

func (k *kubelet) bind(object *v1.Pod) {
	err := k.client.CoreV1().Pods(object.Namespace).Bind(context.Background(), &v1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: object.Name, UID: object.UID},
		Target:     v1.ObjectReference{Kind: "Node", Name: nodeName},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		klog.ErrorS(err, "bind", "pod", klog.KObj(object))
	}
}

// forget stops the processes of a pod whose object is gone already, as after a forced deletion.
func (k *kubelet) forget(uid types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p, known := k.pods[uid]; known {
		p.stop(0)
		delete(k.pods, uid)
	}
}

func (k *kubelet) remove(object *v1.Pod) {
	err := k.client.CoreV1().Pods(object.Namespace).Delete(context.Background(), object.Name, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(object.UID)),
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		klog.ErrorS(err, "delete", "pod", klog.KObj(object))
	}
}

func (k *kubelet) find(namespace, name string) *pod {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found *pod
	for _, p := range k.pods {
		if p.object.Namespace == namespace && p.object.Name == name && (found == nil || found.ended()) {
			found = p
		}
	}
	return found
}
