# SPDX-License-Identifier: GPL-2.0-or-later
"""A real mhpd on a made-up machine: no kernel, no root, no guest."""
