# SPDX-License-Identifier: GPL-2.0-only
# bash completion for criu(8). Commands and options are those of its own --help.

_criu() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local help commands at
  COMPREPLY=()

  # readline splits --rmfork-mode=copy into three words.
  [[ $word != "=" ]] || word=""
  [[ $previous != "=" ]] || previous=${COMP_WORDS[COMP_CWORD - 2]}
  case $previous in
    --rmfork-transport)
      COMPREPLY=($(compgen -W "auto syscall device" -- "$word"))
      return
      ;;
    --rmfork-mode)
      COMPREPLY=($(compgen -W "shared copy lazy" -- "$word"))
      return
      ;;
    -t | --tree)
      COMPREPLY=($(compgen -W "$(cd /proc && echo [0-9]*)" -- "$word"))
      return
      ;;
    -D | --images-dir | -W | --work-dir)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
    -o | --log-file | --pidfile | --config)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
  esac

  help=$("$1" --help 2>/dev/null) || return
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$(grep -oE -- '--[a-z][a-z-]*' <<<"${help#*Options:}" | sort -u)" -- "$word"))
    return
  fi
  commands=$(sed -nE 's/^  criu ([a-z-]+).*/\1/p' <<<"$help" | sort -u)
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ " ${commands//$'\n'/ } " != *" ${COMP_WORDS[at]} "* ]] || return
  done
  COMPREPLY=($(compgen -W "$commands" -- "$word"))
}

complete -F _criu criu
