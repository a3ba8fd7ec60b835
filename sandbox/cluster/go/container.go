package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// runOnce starts a container's process, follows its probes, waits for its end and returns the exit code.
func (p *pod) runOnce(c v1.Container) int32 {
	command, output, err := p.prepare(c)
	for err != nil { // like the real kubelet: wait until the secret, the key or the image appears
		p.waitingFor(c.Name, err)
		select {
		case <-time.After(time.Second):
		case <-p.stopped.Done():
			return 128
		}
		command, output, err = p.prepare(c)
	}
	defer output.Close()
	begun := metav1.Now()
	if err := p.kubelet.launch(command); err != nil {
		p.terminated(c.Name, v1.ContainerStateTerminated{ExitCode: 128, Reason: "StartError", Message: err.Error(), StartedAt: begun})
		p.event(v1.EventTypeWarning, "Failed", "Error: %v", err)
		return 128
	}
	id := fmt.Sprintf("process://%d-%d", command.Process.Pid, begun.UnixNano())
	p.container(c.Name, func(status *v1.ContainerStatus) {
		status.State = v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: begun}}
		status.ContainerID, status.ImageID = id, c.Image
		status.Started = new(c.StartupProbe == nil)
		status.Ready = c.ReadinessProbe == nil && c.StartupProbe == nil
	})
	p.event(v1.EventTypeNormal, "Started", "Started container %s", c.Name)
	group := -command.Process.Pid
	exited, unprobe := context.WithCancel(context.Background())
	go p.probes(exited, c, func() { p.terminate(exited, c, group, time.Second) })
	go func() {
		select {
		case <-p.stopped.Done():
			p.terminate(exited, c, group, 0)
		case <-exited.Done():
		}
	}()
	_ = command.Wait()
	_ = syscall.Kill(group, syscall.SIGKILL) // nothing that the container started outlives it
	unprobe()
	code := int32(command.ProcessState.ExitCode())
	if signal := command.ProcessState.Sys().(syscall.WaitStatus).Signal(); code < 0 {
		code = 128 + int32(signal)
	}
	p.terminated(c.Name, v1.ContainerStateTerminated{ExitCode: code, StartedAt: begun, ContainerID: id})
	return code
}

// prepare builds the command and its environment; an error says what the container still waits for.
func (p *pod) prepare(c v1.Container) (*exec.Cmd, *logWriter, error) {
	image, err := p.kubelet.images.find(c.Image)
	if err != nil {
		return nil, nil, err
	}
	mounts, err := p.mounts(c)
	if err != nil {
		return nil, nil, err
	}
	environment, values, err := p.environment(c, image)
	if err != nil {
		return nil, nil, err
	}
	for i := range environment {
		environment[i] = located(environment[i], mounts)
	}
	argv := c.Command
	if len(argv) == 0 {
		argv = image.Command
	}
	argv = slices.Concat(argv, c.Args)
	if len(argv) == 0 {
		return nil, nil, fmt.Errorf("%w: %q has no command of its own, and the container names none", errImage, c.Image)
	}
	mapping := expansion.MappingFuncFor(values)
	for i := range argv {
		argv[i] = located(expansion.Expand(argv[i], mapping), mounts)
	}
	output, err := newLogWriter(p.logFile(c.Name, p.restarts(c.Name)))
	if err != nil {
		return nil, nil, err
	}
	command := exec.Command(lookPath(argv[0], values["PATH"]), argv[1:]...)
	command.Env, command.Dir = environment, c.WorkingDir
	if command.Dir == "" {
		command.Dir = p.kubelet.workdir
	}
	command.Stdout, command.Stderr = output, output
	command.WaitDelay = time.Second
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.mu.Lock()
	p.envs[c.Name], p.mounted[c.Name] = environment, mounts
	p.mu.Unlock()
	return command, output, nil
}

func (p *pod) waitingFor(name string, err error) {
	if errors.Is(err, errVolume) { // told by the event alone: the container still waits as it did before
		p.event(v1.EventTypeWarning, "FailedMount", "%v", err)
		return
	}
	reason := "CreateContainerConfigError"
	if errors.Is(err, errImage) {
		reason = "ImagePullBackOff"
	}
	p.container(name, func(status *v1.ContainerStatus) {
		if status.State.Waiting == nil || status.State.Waiting.Message != err.Error() {
			p.event(v1.EventTypeWarning, "Failed", "Error: %v", err)
		}
		status.State = v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: reason, Message: err.Error()}}
	})
}

func (p *pod) terminated(name string, state v1.ContainerStateTerminated) {
	state.FinishedAt = metav1.Now()
	if state.Reason == "" {
		state.Reason = "Completed"
		if state.ExitCode != 0 {
			state.Reason = "Error"
		}
	}
	p.container(name, func(status *v1.ContainerStatus) {
		status.Ready, status.Started, status.State = false, new(bool), v1.ContainerState{Terminated: &state}
	})
}

// terminate asks the process group to end, and kills it after the grace period (the pod's when zero).
func (p *pod) terminate(exited context.Context, c v1.Container, group int, grace time.Duration) {
	begun := time.Now()
	p.event(v1.EventTypeNormal, "Killing", "Stopping container %s", c.Name)
	if c.Lifecycle != nil && c.Lifecycle.PreStop != nil {
		hook := c.Lifecycle.PreStop
		if err := p.check(c, v1.ProbeHandler{Exec: hook.Exec, HTTPGet: hook.HTTPGet}, p.grace); err != nil {
			p.event(v1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed: %v", err)
		}
		if hook.Sleep != nil {
			time.Sleep(time.Duration(hook.Sleep.Seconds) * time.Second)
		}
	}
	_ = syscall.Kill(group, syscall.SIGTERM)
	for exited.Err() == nil {
		p.mu.Lock()
		allowed := max(grace, p.grace)
		p.mu.Unlock()
		if time.Since(begun) > allowed {
			_ = syscall.Kill(group, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// command is one more process in a container's environment, for exec, probes and hooks.
func (p *pod) command(ctx context.Context, container string, argv []string) *exec.Cmd {
	p.mu.Lock()
	environment, mounts := p.envs[container], p.mounted[container]
	p.mu.Unlock()
	argv = slices.Clone(argv)
	for i := range argv {
		argv[i] = located(argv[i], mounts)
	}
	command := exec.CommandContext(ctx, lookPath(argv[0], pathOf(environment)), argv[1:]...)
	command.Env, command.Dir = environment, p.kubelet.workdir
	for _, c := range p.object.Spec.Containers {
		if c.Name == container && c.WorkingDir != "" {
			command.Dir = c.WorkingDir
		}
	}
	return command
}
