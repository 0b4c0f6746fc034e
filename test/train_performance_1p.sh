#!/usr/bin/env bash
exec bash "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/train_performance_1p.sh" "$@"
