package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apioptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	manageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// startEtcd listens on unix sockets in the private directory: no port, and nobody else's store.
func startEtcd(dir string) (*embed.Etcd, error) {
	socket := func(name string) []url.URL {
		return []url.URL{{Scheme: "unix", Path: filepath.Join(dir, name)}}
	}
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "etcd")
	config.LogLevel = "error"
	config.LogOutputs = []string{filepath.Join(dir, "etcd.log")}
	config.UnsafeNoFsync = true
	config.ListenClientUrls, config.ListenPeerUrls = socket("etcd.sock"), socket("peer.sock")
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	<-etcd.Server.ReadyNotify()
	return etcd, nil
}

func parse(sets cliflag.NamedFlagSets, arguments ...string) error {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	return flags.Parse(arguments)
}

func runAPIServer(ctx context.Context, pki *pki, etcd, address string, port int) error {
	options := apioptions.NewServerRunOptions()
	err := parse(options.Flags(),
		"--etcd-servers="+etcd,
		"--bind-address="+address, "--advertise-address="+address, fmt.Sprintf("--secure-port=%d", port),
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC", "--anonymous-auth=false", "--allow-privileged",
		"--enable-priority-and-fairness=false", "--profiling=false", "--shutdown-delay-duration=0s",
		"--client-ca-file="+pki.file("ca.crt"),
		"--tls-cert-file="+pki.file("server.crt"), "--tls-private-key-file="+pki.file("server.key"),
		"--kubelet-certificate-authority="+pki.file("ca.crt"),
		"--kubelet-client-certificate="+pki.file("admin.crt"), "--kubelet-client-key="+pki.file("admin.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+pki.file("server.key"),
		"--service-account-signing-key-file="+pki.file("server.key"),
	)
	if err != nil {
		return err
	}
	completed, err := options.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return fmt.Errorf("kube-apiserver: %v", errs)
	}
	return apiserver.Run(ctx, completed)
}

func runManager(ctx context.Context, pki *pki, kubeconfig string) error {
	options, err := manageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := manager.KnownControllers(), manager.ControllersDisabledByDefault(), manager.ControllerAliases()
	err = parse(options.Flags(known, disabled, aliases),
		"--kubeconfig="+kubeconfig, "--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--controllers="+strings.Join(wanted, ","),
		"--root-ca-file="+pki.file("ca.crt"), "--service-account-private-key-file="+pki.file("server.key"),
		"--concurrent-deployment-syncs=5", "--kube-api-qps=200", "--kube-api-burst=400",
	)
	if err != nil {
		return err
	}
	config, err := options.Config(ctx, known, disabled, aliases)
	if err != nil {
		return err
	}
	return manager.Run(ctx, config.Complete())
}

var wanted = []string{
	"deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller",
	"job-controller", "cronjob-controller", "ttl-after-finished-controller",
	"horizontal-pod-autoscaler-controller", "disruption-controller",
	"endpointslice-controller", "endpoints-controller",
	"namespace-controller", "serviceaccount-controller", "root-ca-certificate-publisher-controller",
	"garbage-collector-controller", "pod-garbage-collector-controller", "resourcequota-controller",
}

func waitReady(ctx context.Context, client rest.Interface, failed <-chan error) error {
	for {
		if client.Get().AbsPath("/readyz").Do(ctx).Error() == nil {
			return nil
		}
		select {
		case err := <-failed:
			return fmt.Errorf("kube-apiserver ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
