"""`ecgml monitor`: a running server's drift, reviews and counts, to MLflow over time.

monitor  asks now and then, logs what was answered
"""
