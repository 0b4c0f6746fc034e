#!/usr/bin/env bash
exec bash "$(dirname -- "$0")/../scripts/train_performance_8p.sh" "$@"
