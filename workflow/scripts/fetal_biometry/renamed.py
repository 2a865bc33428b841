"""What took the place of a setting that no longer exists, for the message that refuses it."""

RENAMED = {  # keys of version 0.1.0, beside those that are now values of recipes
    "experiment": "recipe",
    "experiments": "a file in recipes/",
    "max_epochs": "epochs",
    "cache_size": "image_size",
    "audit": "limits (audit in limits.yaml)",
    "audit_networks": "limits (audit_networks in limits.yaml)",
    "flags": "limits (flags in limits.yaml)",  # where it holds limits
    "audit_rounds": "nothing: a second round gained nothing",
    "ablation": "the recipes named ablation_*",
    "strangers_judged": "negatives",
    "strangers_drawn": "nothing: the number is fixed",
    "strangers": "nothing: a classifier beside the network tells heads",
    "reflections": "reading.test_time_augmentation of a recipe",
    "zooms": "reading.test_time_augmentation of a recipe",
    "second_opinion": "reading.test_time_augmentation of a recipe",
    "closeup": "nothing: one network measures",
    "cross_fit": "training.calibrate_on of a recipe",
    "interval_assurance": "nothing: intervals hold their level on average",
    "suspects": "noisy_labels.policy of a recipe",
    "suspect_weight": "noisy_labels.policy of a recipe",
    "teach_from": "nothing: the audit is as good where labels that are not valid are left out",
    "teach_confidence": "nothing: the audit is as good where labels that are not valid are left out",
    "keep_epoch": "training.keep of a recipe",
    "correct": "reading.correct_bias of a recipe",
    "bench": "bench.yaml",
}
