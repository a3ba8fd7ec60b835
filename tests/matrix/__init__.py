"""Interruptions as a matrix (`make matrix`): every cause at every step, each cell compared with an undisturbed run."""
