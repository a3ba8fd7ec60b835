package main

import (
	"fmt"
	"maps"
	"os"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// ownerVariable marks every process of a pod with the cluster it belongs to: whatever outlives a killed
// cluster is found by it.
const ownerVariable = "RESTORE_SANDBOX_CLUSTER"

// environment resolves literals, secrets, config maps and fields, in the order in which Kubernetes does.
func (p *pod) environment(c v1.Container, image image) ([]string, map[string]string, error) {
	values := map[string]string{"HOSTNAME": p.object.Name, "PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"), "LANG": "C.UTF-8"}
	maps.Copy(values, image.Env)
	for _, source := range c.EnvFrom {
		kind, name, optional := "configmap", "", (*bool)(nil)
		if source.SecretRef != nil {
			kind, name, optional = "secret", source.SecretRef.Name, source.SecretRef.Optional
		} else {
			name, optional = source.ConfigMapRef.Name, source.ConfigMapRef.Optional
		}
		data, err := p.data(kind, name, optional)
		if err != nil {
			return nil, nil, err
		}
		for key, value := range data {
			values[source.Prefix+key] = value
		}
	}
	for _, variable := range c.Env {
		value, err := expansion.Expand(variable.Value, expansion.MappingFuncFor(values)), error(nil)
		if from := variable.ValueFrom; from != nil {
			switch {
			case from.SecretKeyRef != nil:
				value, err = p.key("secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key, from.SecretKeyRef.Optional)
			case from.ConfigMapKeyRef != nil:
				value, err = p.key("configmap", from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional)
			case from.FieldRef != nil:
				value, err = p.field(from.FieldRef.FieldPath)
			}
		}
		if err != nil {
			return nil, nil, err
		}
		values[variable.Name] = value
	}
	environment := []string{ownerVariable + "=" + p.kubelet.dir, podVariable + "=" + string(p.object.UID)}
	for name, value := range values {
		environment = append(environment, name+"="+value)
	}
	return environment, values, nil
}

func (p *pod) field(path string) (string, error) {
	switch path {
	case "status.podIP", "status.podIPs":
		return p.status.PodIP, nil
	case "status.hostIP", "status.hostIPs":
		return p.status.HostIP, nil
	case "spec.nodeName":
		return nodeName, nil
	case "spec.serviceAccountName":
		return p.object.Spec.ServiceAccountName, nil
	}
	return fieldpath.ExtractFieldPathAsString(p.object, path)
}

func (p *pod) key(kind, name, key string, optional *bool) (string, error) {
	data, err := p.data(kind, name, optional)
	if err != nil {
		return "", err
	}
	value, found := data[key]
	if !found && (optional == nil || !*optional) {
		return "", fmt.Errorf("couldn't find key %s in %s %s/%s", key, kind, p.object.Namespace, name)
	}
	return value, nil
}

func (p *pod) data(kind, name string, optional *bool) (map[string]string, error) {
	core := p.kubelet.client.CoreV1()
	data := map[string]string{}
	var err error
	if kind == "secret" {
		var secret *v1.Secret
		if secret, err = core.Secrets(p.object.Namespace).Get(p.stopped, name, metav1.GetOptions{}); err == nil {
			for key, value := range secret.Data {
				data[key] = string(value)
			}
		}
	} else {
		var configMap *v1.ConfigMap
		if configMap, err = core.ConfigMaps(p.object.Namespace).Get(p.stopped, name, metav1.GetOptions{}); err == nil {
			data = configMap.Data
		}
	}
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil, nil
	}
	return data, err
}
