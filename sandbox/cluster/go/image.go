package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

var errImage = errors.New("image not found")

// image is what stands for a container image: the command it runs by itself, and its environment.
type image struct {
	Command []string          `json:"command"`
	Env     map[string]string `json:"env"`
}

// images is keyed by repository, without tag and digest.
type images map[string]image

func readImages(file string) (images, error) {
	table := images{}
	if file == "" {
		return table, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &table); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return table, nil
}

// find knows an image by its repository, or by the last part of it, as a registry's name comes before that.
func (i images) find(name string) (image, error) {
	repository, _, _ := strings.Cut(name, "@")
	if slash, colon := strings.LastIndex(repository, "/"), strings.LastIndex(repository, ":"); colon > slash {
		repository = repository[:colon]
	}
	for _, key := range []string{repository, path.Base(repository)} {
		if found, known := i[key]; known {
			return found, nil
		}
	}
	return image{}, fmt.Errorf("%w: %q is not in the table of images", errImage, name)
}

// lookPath finds a program on the container's PATH, not on the cluster's own.
func lookPath(program, searched string) string {
	if strings.Contains(program, "/") {
		return program
	}
	for _, dir := range filepath.SplitList(searched) {
		if found, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return found
		}
	}
	return filepath.Join("/", program) // does not exist: starting it fails and says so
}

func pathOf(environment []string) string {
	for _, entry := range environment {
		if value, found := strings.CutPrefix(entry, "PATH="); found {
			return value
		}
	}
	return ""
}
