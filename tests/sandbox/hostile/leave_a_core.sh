# Wants a core file, which may carry what the program knew.
ulimit -c unlimited 2>/dev/null && echo "core files are allowed" || echo "core files are not allowed"
python3 -c 'import os; os.kill(os.getpid(), 11)' || true
ls
