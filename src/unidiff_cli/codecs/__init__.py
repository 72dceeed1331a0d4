"""What people see <-> latents. No sampling: a codec encodes and decodes."""
