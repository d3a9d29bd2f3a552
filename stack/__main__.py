from stack.program import main

main()
