// One process: etcd, kube-apiserver, kube-controller-manager and a node whose pods are local processes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

type settings struct {
	dir, address, workdir, images, ready string
	port                                 int
}

func main() {
	s := settings{}
	flag.StringVar(&s.dir, "dir", "cluster", "state directory")
	flag.StringVar(&s.address, "address", "127.0.0.1", "loopback address of the API server and the kubelet")
	flag.IntVar(&s.port, "port", 6443, "port of the API server; the kubelet takes the next one")
	flag.StringVar(&s.workdir, "workdir", ".", "working directory of containers that name none")
	flag.StringVar(&s.images, "images", "", `JSON file {"repository": {"command": ["program", "argument"], "env": {"NAME": "value"}}}`)
	flag.StringVar(&s.ready, "ready", "", "file that is written once the API server answers")
	flag.Parse()
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

// run returns once everything has ended: on SIGTERM or SIGINT without an error.
func run(s settings) error {
	started := time.Now()
	table, err := readImages(s.images)
	if err != nil {
		return err
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := logTo(filepath.Join(s.dir, "cluster.log")); err != nil {
		return err
	}
	keys, err := openPKI(filepath.Join(s.dir, "pki"), s.address)
	if err != nil {
		return err
	}
	signals, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	etcd, err := startEtcd(s.dir)
	if err != nil {
		return err
	}
	defer etcd.Close()

	failed := make(chan error, 3)
	stopAPI := start(failed, func(ctx context.Context) error {
		return runAPIServer(ctx, keys, "unix://"+filepath.Join(s.dir, "etcd.sock"), s.address, s.port)
	})
	defer stopAPI()

	kubeconfig, client, err := connect(keys, s)
	if err != nil {
		return err
	}
	if err := waitReady(signals, client.Discovery().RESTClient(), failed); err != nil {
		return err
	}
	stopNode := start(failed, newKubelet(client, keys, s, table).run)
	defer stopNode()
	managing, stopManager := context.WithCancel(context.Background())
	defer stopManager()
	go func() { failed <- runManager(managing, keys, kubeconfig) }()
	if s.ready != "" {
		if err := os.WriteFile(s.ready, fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
			return err
		}
	}
	log.Printf("ready in %.1f s: export KUBECONFIG=%s", time.Since(started).Seconds(), kubeconfig)

	select {
	case <-signals.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// start runs a part; the function it returns stops that part and waits for its end.
func start(failed chan<- error, part func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		failed <- part(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// connect writes the kubeconfig and makes the node's own client from it.
func connect(keys *pki, s settings) (string, kubernetes.Interface, error) {
	file := filepath.Join(s.dir, "kubeconfig")
	content, err := keys.kubeconfig(fmt.Sprintf("https://%s:%d", s.address, s.port))
	if err != nil {
		return "", nil, err
	}
	if err := clientcmd.WriteToFile(content, file); err != nil {
		return "", nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		return "", nil, err
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	return file, client, err
}

// logTo sends the Kubernetes libraries' messages to a file; they would also write errors to stderr.
func logTo(file string) error {
	output, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(flags)
	if err := flags.Parse([]string{"-logtostderr=false", "-stderrthreshold=FATAL"}); err != nil {
		return err
	}
	klog.SetOutput(output)
	return nil
}
