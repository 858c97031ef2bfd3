package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	corev1 "k8s.io/api/core/v1"
)

func inUse(err error) bool           { return cerrdefs.IsConflict(err) }
func alreadyRemoving(err error) bool { return cerrdefs.IsConflict(err) }

// file is one entry of a volume made from a ConfigMap or Secret.
type file struct {
	path string
	mode int64
	data []byte
}

// filesOf are the files of a volume, sorted by path; ok is false for other kinds of volume.
func filesOf(v *corev1.Volume, cfg configs) (files []file, ok bool, err error) {
	var (
		key      configKey
		items    []corev1.KeyToPath
		mode     *int32
		optional *bool
	)
	switch {
	case v.ConfigMap != nil:
		key, items, mode, optional = configKey{kindConfigMap, v.ConfigMap.Name}, v.ConfigMap.Items, v.ConfigMap.DefaultMode, v.ConfigMap.Optional
	case v.Secret != nil:
		key, items, mode, optional = configKey{kindSecret, v.Secret.SecretName}, v.Secret.Items, v.Secret.DefaultMode, v.Secret.Optional
	default:
		return nil, false, nil
	}
	data := cfg[key]
	if items == nil {
		for _, k := range slices.Sorted(maps.Keys(data)) {
			items = append(items, corev1.KeyToPath{Key: k, Path: k})
		}
	}
	for _, it := range items {
		content, found := data[it.Key]
		if !found {
			if optional != nil && *optional {
				continue
			}
			return nil, true, &missingConfig{fmt.Sprintf("key %q of %s", it.Key, key)}
		}
		if it.Path == "" || escapes(it.Path) {
			return nil, true, fmt.Errorf("volume %s: path %q leaves the volume", v.Name, it.Path)
		}
		f := file{path: path.Clean(it.Path), mode: 0o644, data: content}
		if m := it.Mode; m != nil {
			f.mode = int64(*m)
		} else if mode != nil {
			f.mode = int64(*mode)
		}
		files = append(files, f)
	}
	return files, true, nil
}

// archive is a tar of files below a folder, with the folders in between.
func archive(root string, files []file) (*bytes.Buffer, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	made := map[string]bool{".": true, "/": true, "": true}
	var folder func(dir string) error
	folder = func(dir string) error {
		if made[dir] {
			return nil
		}
		made[dir] = true
		if err := folder(path.Dir(dir)); err != nil {
			return err
		}
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: time.Unix(0, 0)})
	}
	for _, f := range files {
		name := strings.TrimPrefix(path.Join(root, f.path), "/")
		if err := folder(path.Dir(name)); err != nil {
			return nil, err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: f.mode, Size: int64(len(f.data)), ModTime: time.Unix(0, 0)}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	return &buf, w.Close()
}

// volumeFor is the engine's volume behind a volume of a pod; "" for host paths.
func (r *revision) volumeFor(v *corev1.Volume, index int) string {
	switch {
	case v.ConfigMap != nil, v.Secret != nil:
		return r.objectName(r.hash[:8], v.Name)
	case v.PersistentVolumeClaim != nil:
		return bounded(r.stack, r.namespace, r.tag(), v.PersistentVolumeClaim.ClaimName)
	case v.EmptyDir != nil:
		return bounded(r.podName(r.hash, index), v.Name)
	}
	return ""
}

// claimVolume is the volume of a StatefulSet's volume claim template.
func (r *revision) claimVolume(claim string, index int) string {
	return bounded(r.stack, r.namespace, r.tag(), claim, r.stableName(index))
}

// ensureVolumes makes the volumes of a pod and fills those that come from config maps and secrets.
func (p *Provider) ensureVolumes(ctx context.Context, r *revision, index int) error {
	spec := &r.work.template.Spec
	var fill []corev1.Volume
	for _, v := range spec.Volumes {
		name := r.volumeFor(&v, index)
		var err error
		switch {
		case v.EmptyDir != nil:
			opts := map[string]string(nil)
			if v.EmptyDir.Medium == corev1.StorageMediumMemory {
				opts = map[string]string{"type": "tmpfs", "device": "tmpfs"}
				if v.EmptyDir.SizeLimit != nil {
					opts["o"] = fmt.Sprintf("size=%d", v.EmptyDir.SizeLimit.Value())
				}
			}
			err = p.ensureVolume(ctx, r.owner, name, roleEmpty, opts, map[string]string{labelPod: r.podName(r.hash, index)})
		case v.PersistentVolumeClaim != nil:
			err = p.ensureVolume(ctx, r.owner, name, roleClaim, nil, nil)
		case v.ConfigMap != nil, v.Secret != nil:
			err = p.ensureVolume(ctx, r.owner, name, roleFiles, nil, map[string]string{labelHash: r.hash})
			p.mu.Lock()
			if !p.loaded[name] {
				fill = append(fill, v)
			}
			p.mu.Unlock()
		}
		if err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	for _, c := range r.work.claims {
		if err := p.ensureVolume(ctx, r.owner, r.claimVolume(c, index), roleClaim, nil, nil); err != nil {
			return fmt.Errorf("volume %s: %w", c, err)
		}
	}
	return p.fillVolumes(ctx, r, fill)
}

// ensureVolume makes a volume when there is none of the name. One of another Fairlead server is refused: the data in it
// belong to another application.
func (p *Provider) ensureVolume(ctx context.Context, o owner, name, role string, opts, more map[string]string) error {
	res, err := p.api.VolumeInspect(ctx, name, client.VolumeInspectOptions{})
	if err == nil {
		if other := res.Volume.Labels[labelInstance]; other != "" && other != p.instance {
			return fmt.Errorf("the volume %s on the engine belongs to another Fairlead server; rename the stack, or remove the volume", name)
		}
		return nil
	}
	if !gone(err) {
		return err
	}
	_, err = p.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Driver: "local", DriverOpts: opts, Labels: o.labels(role, more)})
	return err
}

const fillRoot = "/fairlead-files"

// fillVolumes writes files into volumes through a container that never starts, so that the pod's containers can mount them
// read-only.
func (p *Provider) fillVolumes(ctx context.Context, r *revision, volumes []corev1.Volume) error {
	if len(volumes) == 0 {
		return nil
	}
	var mounts []mount.Mount
	for i := range volumes {
		mounts = append(mounts, mount.Mount{Type: mount.TypeVolume, Source: r.volumeFor(&volumes[i], 0), Target: fillRoot + "/" + volumes[i].Name,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true}})
	}
	res, err := p.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: r.objectName(r.hash[:8], "files"),
		Config: &container.Config{Image: r.image(r.work.template.Spec.Containers[0].Image), Entrypoint: []string{"never-runs"},
			Labels: r.labels(roleLoader, map[string]string{labelHash: r.hash})},
		HostConfig: &container.HostConfig{NetworkMode: "none", Mounts: mounts},
	})
	if cerrdefs.IsConflict(err) { // left by a pass that was cut off
		if err := p.discard(ctx, r.objectName(r.hash[:8], "files")); err != nil {
			return err
		}
		return fmt.Errorf("files of volumes: %w", errRepeat)
	}
	if err != nil {
		return err
	}
	err = p.copyVolumes(ctx, r, volumes, res.ID)
	if rmErr := p.discard(context.WithoutCancel(ctx), res.ID); err == nil {
		err = rmErr
	}
	if err != nil {
		return fmt.Errorf("files of volumes: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range volumes {
		p.loaded[r.volumeFor(&volumes[i], 0)] = true
	}
	return nil
}

// copyVolumes writes the files of each volume where the container mounts it.
func (p *Provider) copyVolumes(ctx context.Context, r *revision, volumes []corev1.Volume, id string) error {
	for i := range volumes {
		files, _, err := filesOf(&volumes[i], r.configs)
		if err != nil {
			return err
		}
		tarball, err := archive("", files)
		if err != nil {
			return err
		}
		if _, err := p.api.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: fillRoot + "/" + volumes[i].Name, Content: tarball}); err != nil {
			return err
		}
	}
	return nil
}

// copyFiles places single files of volumes (subPath) into a container that was not started yet.
func (p *Provider) copyFiles(ctx context.Context, r *revision, c *corev1.Container, id string) error {
	var all []file
	for _, vm := range c.VolumeMounts {
		v := r.volume(vm.Name)
		if vm.SubPath == "" || v == nil {
			continue
		}
		files, ok, err := filesOf(v, r.configs)
		if err != nil || !ok {
			if err != nil {
				return err
			}
			continue
		}
		for _, f := range files {
			if rest, ok := strings.CutPrefix(f.path, path.Clean(vm.SubPath)); ok && (rest == "" || rest[0] == '/') {
				all = append(all, file{path: vm.MountPath + rest, mode: f.mode, data: f.data})
			}
		}
	}
	if all == nil {
		return nil
	}
	tarball, err := archive("/", all)
	if err != nil {
		return err
	}
	_, err = p.api.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: "/", Content: tarball})
	return err
}

// mounts are a container's mounts; single files are copied instead.
func (r *revision) mounts(c *corev1.Container, index int) (mounts []mount.Mount, binds []string) {
	for _, vm := range c.VolumeMounts {
		if slices.Contains(r.work.claims, vm.Name) {
			mounts = append(mounts, mount.Mount{Type: mount.TypeVolume, Source: r.claimVolume(vm.Name, index), Target: vm.MountPath, ReadOnly: vm.ReadOnly})
			continue
		}
		v := r.volume(vm.Name)
		switch {
		case v == nil:
		case v.HostPath != nil:
			source := path.Join(v.HostPath.Path, vm.SubPath)
			if t := v.HostPath.Type; t != nil && *t == corev1.HostPathDirectoryOrCreate {
				binds = append(binds, source+":"+vm.MountPath+map[bool]string{true: ":ro", false: ""}[vm.ReadOnly])
				continue
			}
			mounts = append(mounts, mount.Mount{Type: mount.TypeBind, Source: source, Target: vm.MountPath, ReadOnly: vm.ReadOnly})
		case v.ConfigMap != nil, v.Secret != nil:
			if vm.SubPath == "" {
				mounts = append(mounts, mount.Mount{Type: mount.TypeVolume, Source: r.volumeFor(v, index), Target: vm.MountPath, ReadOnly: true,
					VolumeOptions: &mount.VolumeOptions{NoCopy: true}})
			}
		default:
			mounts = append(mounts, mount.Mount{Type: mount.TypeVolume, Source: r.volumeFor(v, index), Target: vm.MountPath, ReadOnly: vm.ReadOnly,
				VolumeOptions: &mount.VolumeOptions{NoCopy: v.EmptyDir != nil}})
		}
	}
	return mounts, binds
}
