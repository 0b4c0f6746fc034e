#!/usr/bin/env bash
exec bash "$(dirname -- "$0")/../scripts/train_full_1p.sh" "$@"
