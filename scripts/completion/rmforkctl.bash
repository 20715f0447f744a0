# SPDX-License-Identifier: GPL-2.0-only
# bash completion for rmforkctl(8). Commands and options are those of its own --help.

_rmforkctl() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local help commands command="" at
  COMPREPLY=()

  # readline splits --transport=device into three words.
  [[ $word != "=" ]] || word=""
  [[ $previous != "=" ]] || previous=${COMP_WORDS[COMP_CWORD - 2]}
  case $previous in
    --transport)
      COMPREPLY=($(compgen -W "auto syscall device" -- "$word"))
      return
      ;;
    -D | --images)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
  esac

  help=$("$1" --help 2>/dev/null) || return
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$(grep -oE -- '--[a-z][a-z-]*' <<<"${help#*Options:}" | sort -u)" -- "$word"))
    return
  fi
  commands=$(sed -nE 's/^  rmforkctl ([a-z-]+).*/\1/p' <<<"$help" | sort -u)
  for ((at = 1; at < COMP_CWORD; at++)); do
    if [[ " ${commands//$'\n'/ } " == *" ${COMP_WORDS[at]} "* ]]; then
      command=${COMP_WORDS[at]}
      break
    fi
  done
  case $command in
    "") COMPREPLY=($(compgen -W "$commands" -- "$word")) ;;
    info | verify | free)
      COMPREPLY=($(compgen -W "$("$1" list 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$word"))
      ;;
    forget-guest)
      COMPREPLY=($(compgen -W "$("$1" status 2>/dev/null | awk '$1 == "guest" && $2 != "here" { print $2 }')" -- "$word"))
      ;;
  esac
}

complete -F _rmforkctl rmforkctl
