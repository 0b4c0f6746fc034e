#!/usr/bin/env bash
exec bash "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/train_full_1p.sh" "$@"
