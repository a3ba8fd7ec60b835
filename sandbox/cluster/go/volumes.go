package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "k8s.io/api/core/v1"
)

var errVolume = errors.New("MountVolume.SetUp failed")

const modeOfFiles = int32(0o644)

// mount says where the files lie that a container is to find below a path.
type mount struct{ path, files string }

// volumes are a pod's own, by name: the folders of those that were written, once for all containers.
type volumes struct {
	sync.Mutex
	written map[string]string
}

// mounts are a container's Secret and ConfigMap volumes. Mounting needs root, so nothing is mounted: a mountPath in a
// container's command or environment is rewritten to where the files lie. Volumes of other kinds are left out, and
// files keep what they had when the pod started.
func (p *pod) mounts(c v1.Container) ([]mount, error) {
	p.volumes.Lock()
	defer p.volumes.Unlock()
	if p.volumes.written == nil {
		written, err := p.writeVolumes()
		if err != nil {
			return nil, err
		}
		p.volumes.written = written
	}
	var found []mount
	for _, m := range c.VolumeMounts {
		if files, known := p.volumes.written[m.Name]; known {
			found = append(found, mount{filepath.Clean(m.MountPath), filepath.Join(files, m.SubPath)})
		}
	}
	slices.SortFunc(found, func(a, b mount) int { return cmp.Compare(len(b.path), len(a.path)) })
	return found, nil
}

func (p *pod) writeVolumes() (map[string]string, error) {
	written := map[string]string{}
	for _, volume := range p.object.Spec.Volumes {
		kind, name, items, mode, optional := "", "", []v1.KeyToPath(nil), (*int32)(nil), (*bool)(nil)
		switch {
		case volume.Secret != nil:
			kind, name, items = "secret", volume.Secret.SecretName, volume.Secret.Items
			mode, optional = volume.Secret.DefaultMode, volume.Secret.Optional
		case volume.ConfigMap != nil:
			kind, name, items = "configmap", volume.ConfigMap.Name, volume.ConfigMap.Items
			mode, optional = volume.ConfigMap.DefaultMode, volume.ConfigMap.Optional
		default:
			continue
		}
		files, err := p.files(kind, name, items, mode, optional)
		if err == nil {
			written[volume.Name] = filepath.Join(p.volumeFolder(), volume.Name)
			err = p.write(written[volume.Name], files)
		}
		if err != nil {
			return nil, fmt.Errorf("%w for volume %q : %w", errVolume, volume.Name, err)
		}
	}
	return written, nil
}

func (k *kubelet) volumes() string {
	return filepath.Join(k.dir, "volumes")
}

func (p *pod) volumeFolder() string {
	return filepath.Join(p.kubelet.volumes(), string(p.object.UID))
}

type file struct {
	content string
	mode    os.FileMode
}

// files are the keys that the volume shows, by path: all of them, or those that its items name.
func (p *pod) files(kind, name string, items []v1.KeyToPath, mode *int32, optional *bool) (map[string]file, error) {
	data, err := p.data(kind, name, optional)
	if err != nil {
		return nil, err
	}
	usual := modeOfFiles
	if mode != nil {
		usual = *mode
	}
	files := map[string]file{}
	if items == nil {
		for key, content := range data {
			files[key] = file{content, p.permitted(usual)}
		}
	}
	for _, item := range items {
		content, found := data[item.Key]
		if !found && optional != nil && *optional {
			continue
		}
		if !found {
			return nil, fmt.Errorf("references non-existent %s key: %s", kind, item.Key)
		}
		wanted := usual
		if item.Mode != nil {
			wanted = *item.Mode
		}
		files[item.Path] = file{content, p.permitted(wanted)}
	}
	return files, nil
}

// permitted is what the container's user may do with a file that belongs to root, as the files of a volume do, or to
// its fsGroup. A process here is always the owner, so the owner gets what that user would have.
func (p *pod) permitted(mode int32) os.FileMode {
	bits, context := os.FileMode(mode).Perm(), p.object.Spec.SecurityContext
	switch {
	case context == nil || context.RunAsUser == nil || *context.RunAsUser == 0:
		return bits
	case context.FSGroup != nil:
		return (bits | 0o040) >> 3 & 0o7 << 6
	}
	return bits & 0o7 << 6
}

// write makes the folder as a kubelet does: links to the files of a folder that is put in place as a whole.
func (p *pod) write(dir string, files map[string]file) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	data := filepath.Join(dir, "..data_0")
	for path, f := range files {
		if !filepath.IsLocal(path) {
			return fmt.Errorf("%q leads out of the volume", path)
		}
		target := filepath.Join(data, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, []byte(f.content), f.mode); err != nil {
			return err
		}
		first, _, _ := strings.Cut(path, "/")
		if err := os.Symlink(filepath.Join("..data", first), filepath.Join(dir, first)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	return os.Symlink("..data_0", filepath.Join(dir, "..data"))
}

// located rewrites every path at or below a mountPath to where its file lies.
func located(text string, mounts []mount) string {
	for _, m := range mounts {
		var out strings.Builder
		for rest := text; ; {
			before, after, found := strings.Cut(rest, m.path)
			out.WriteString(before)
			if !found {
				break
			}
			replaced := m.path
			if !inPath(lastByte(out.String())) && (after == "" || after[0] == '/' || !inPath(after[0])) {
				replaced = m.files
			}
			out.WriteString(replaced)
			rest = after
		}
		text = out.String()
	}
	return text
}

func lastByte(text string) byte {
	if text == "" {
		return 0
	}
	return text[len(text)-1]
}

// inPath is whether a byte goes on with the name of a file, so that /etc/restored is not below /etc/restore.
func inPath(b byte) bool {
	return b == '/' || b == '.' || b == '-' || b == '_' ||
		'0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}
